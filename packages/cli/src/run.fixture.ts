import { Writable } from 'node:stream'
import { runCommandLine } from './command-line.ts'

/** Runs a command line as a script would: nobody watches. */
export async function mynah(words: readonly string[], options: { stdin?: string; isInteractive?: boolean; signal?: AbortSignal } = {}) {
  const [stdout, stderr] = [collect(), collect()]
  const code = await runCommandLine(words, {
    stdin: (async function* () {
      yield options.stdin ?? ''
    })(),
    stdout: stdout.stream,
    stderr: stderr.stream,
    isInteractive: options.isInteractive ?? false,
    signal: options.signal ?? new AbortController().signal,
  })
  return { code, bytes: stdout.bytes(), out: stdout.bytes().toString(), err: stderr.bytes().toString() }
}

function collect() {
  const pieces: Buffer[] = []
  const stream = new Writable({
    write(piece, _encoding, done) {
      pieces.push(Buffer.from(piece))
      done()
    },
  })
  return { stream, bytes: () => Buffer.concat(pieces) }
}
