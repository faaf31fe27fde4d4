import { execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Case, Row } from './set.ts'

/** Kokoro's voices that no corpus of ours has. */
const unseenVoices = ['am_puck', 'bf_lily', 'af_nova']
const kokoroScript = fileURLToPath(new URL('kokoro.py', import.meta.url))
const kokoroVoices = fileURLToPath(new URL('../../../shared/data/kokoro-voices', import.meta.url))

/** Programs that speak a text into a wav file: name → command line. */
const programs: Readonly<Record<string, (text: string, wav: string) => readonly [string, ...string[]]>> = {
  'espeak-ng': (text, wav) => ['espeak-ng', '-v', 'en-us', '-w', wav, text],
  flite: (text, wav) => ['flite', '-voice', 'slt', '-t', text, '-o', wav],
}

/** The recordings themselves, for the likeness of two recordings of one speaker and the errors of the recognizer. */
export function inputCases(set: string, rows: readonly Row[]): Case[] {
  return rows.flatMap(({ group, text, input, prompt }) =>
    input ? [{ wav: join(set, input), text, ...(prompt ? { prompt: join(set, prompt) } : {}), group: `${group} input` }] : [],
  )
}

/** The texts of `rows` as other systems say them, in voices of their own. What is not installed is left out, with a message; what is there is not made again. */
export async function otherCases(rows: readonly Row[], out: string, kokoro?: { model: string; python: string }): Promise<Case[]> {
  const cases: Case[] = []
  for (const [name, command] of Object.entries(programs)) {
    const made = rows.map(({ id, text }) => ({ wav: join(out, `${id}.${name}.wav`), text, group: name }))
    try {
      for (const { text, wav } of made) {
        if (existsSync(wav)) continue
        const [program, ...words] = command(text, wav)
        await promisify(execFile)(program, words)
      }
      cases.push(...made)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOENT')) throw error
      process.stderr.write(`${name} is not installed: left out\n`)
    }
  }
  if (kokoro) cases.push(...(await kokoroCases(rows, out, kokoro)))
  else process.stderr.write('Kokoro is left out: --kokoro MODEL.onnx names its model\n')
  return cases
}

async function kokoroCases(rows: readonly Row[], out: string, { model, python }: { model: string; python: string }): Promise<Case[]> {
  const made = rows.map(({ id, text }, index) => ({
    wav: join(out, `${id}.kokoro.wav`),
    text,
    voice: unseenVoices[index % unseenVoices.length]!,
  }))
  const child = spawn(python, [kokoroScript, model, kokoroVoices], { stdio: ['pipe', 'ignore', 'inherit'] })
  const ended = new Promise<number | null>((resolve, reject) => child.on('error', reject).on('exit', resolve))
  child.stdin.end(
    made
      .filter(({ wav }) => !existsSync(wav))
      .map(job => `${JSON.stringify(job)}\n`)
      .join(''),
  )
  const code = await ended
  if (code !== 0) throw new Error(`kokoro.py ended with ${code}`)
  return made.map(({ wav, text }) => ({ wav, text, group: 'Kokoro-82M' }))
}
