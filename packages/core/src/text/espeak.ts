import { createRequire } from 'node:module'
import { createTextThread } from './thread.ts'

/** Turns clauses (words without punctuation) into IPA; groups of phonemes are separated by spaces. */
export interface Pronouncer extends AsyncDisposable {
  pronounce(clauses: readonly string[]): Promise<string[]>
}

/**
 * What the thread runs. espeak-ng (WebAssembly, in the package `phonemizer`) blocks for some milliseconds a clause, and registers `uncaughtException`
 * and `unhandledRejection` listeners on the `process` of the thread that imports it: both stay away from the user's event loop and process.
 */
const SCRIPT = `
const { phonemize } = require(workerData)
async function answer(clauses) {
  const ipa = []
  for (const clause of clauses) ipa.push((await phonemize(clause, 'en-us')).join(' '))
  return ipa
}
`
/** Differences between the espeak-ng of `phonemizer` 1.2.1 and the newer one that wrote the training corpus. */
const STYLE: readonly (readonly [RegExp, string])[] = [
  [/\([a-z-]{2,8}\)/g, ''],
  [/[\u0300-\u036f\u200d]/g, ''],
  [/oːɹ/g, 'ɔːɹ'],
]

/** US English by espeak-ng, on a thread of its own that starts with the first clause and does not keep the process alive. */
export function createEspeak(): Pronouncer {
  const thread = createTextThread<readonly string[], string[]>('espeak-ng', SCRIPT, createRequire(import.meta.url).resolve('phonemizer'))
  return {
    pronounce: async clauses => (clauses.length === 0 ? [] : (await thread.ask(clauses)).map(toCorpusStyle)),
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  }
}

function toCorpusStyle(ipa: string): string {
  return STYLE.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), ipa).trim()
}
