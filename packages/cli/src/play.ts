import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A program that plays a WAV file and ends with it. */
type Player = (file: string) => readonly [program: string, ...words: string[]]

/** What each platform brings along, in the order of trying. */
const players: Partial<Record<NodeJS.Platform, readonly Player[]>> = {
  darwin: [file => ['afplay', file]],
  win32: [
    // The path travels as an argument, not inside of the script: no quoting can go wrong.
    file => ['powershell', '-NoProfile', '-Command', '& { (New-Object Media.SoundPlayer $args[0]).PlaySync() }', file],
  ],
}
const elsewhere: readonly Player[] = [
  file => ['pw-play', file],
  file => ['paplay', file],
  file => ['aplay', '-q', file],
  file => ['ffplay', '-nodisp', '-autoexit', '-loglevel', 'error', file],
  file => ['play', '-q', file],
]

/**
 * Plays a WAV file through the first player that is installed, and waits for its end.
 * @throws {RangeError} if there is none, or the sound system refused
 */
export async function playWav(wav: Uint8Array, signal: AbortSignal): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'mynah-'))
  try {
    const file = join(folder, 'speech.wav')
    await writeFile(file, wav)
    const tried: string[] = []
    for (const player of players[process.platform] ?? elsewhere) {
      const [program, ...words] = player(file)
      const outcome = await run(program, words, signal)
      if (outcome === 'played') return
      tried.push(`${program} ${outcome}`)
    }
    throw new RangeError(`--play: no player worked (${tried.join(', ')}); install one, or write a file with --out and play that`)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function run(program: string, words: readonly string[], signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, words, { stdio: 'ignore', signal })
    child.on('error', error => {
      if (signal.aborted) reject(signal.reason)
      else resolve('code' in error && error.code === 'ENOENT' ? 'is not installed' : error.message)
    })
    child.on('exit', (code, killedBy) => resolve(code === 0 ? 'played' : `failed with ${killedBy ?? `exit code ${code}`}`))
  })
}
