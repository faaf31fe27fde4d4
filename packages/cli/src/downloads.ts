import { createSynthesizer, type HubOptions, type HubProgress, type Synthesizer, type SynthesizerOptions } from '@mynah/core'
import { createProgress, type Terminal, toMegabytes } from './terminal.ts'

/** Characters of the progress bar. */
const barLength = 24

/** Does what may download something: with a progress bar where somebody watches, and until Ctrl-C. */
export async function withDownloads<T>(terminal: Terminal, work: (hub: HubOptions) => Promise<T>): Promise<T> {
  using progress = createProgress(terminal)
  return await work({ signal: terminal.signal, onProgress: each => progress.show(describeProgress(each)) })
}

/** Makes a synthesizer, whose model may have to be downloaded. */
export function openSynthesizer(terminal: Terminal, options: SynthesizerOptions): Promise<Synthesizer> {
  return withDownloads(terminal, hub => createSynthesizer({ ...options, hub }))
}

function describeProgress(progress: HubProgress): string {
  if (progress.status === 'initiate') return `${progress.file}: looking`
  if (progress.status !== 'progress') return progress.file
  const { loaded, total, file } = progress
  const bar = '█'.repeat(Math.round((barLength * progress.progress) / 100)).padEnd(barLength, '░')
  return `${bar} ${progress.progress.toFixed(0).padStart(3)} %  ${toMegabytes(loaded)} of ${toMegabytes(total)}  ${file}`
}
