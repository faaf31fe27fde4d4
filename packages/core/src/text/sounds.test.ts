import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { createPhonemizer } from './phonemize.ts'

interface Case {
  text: string
  word: string
  /** IPA without stress and length; one of these. */
  ipa: string[]
}
const read = (name: string): Case[] =>
  readFileSync(new URL(`../../../../test/fixtures/text/${name}.jsonl`, import.meta.url), 'utf8')
    .trim()
    .split('\n')
    .map(line => JSON.parse(line))
const phonemizer = createPhonemizer()
afterAll(() => phonemizer[Symbol.asyncDispose]())

describe.each([
  ['sounds', 'are spoken as sounds or words, never letter by letter'],
  ['names', 'of other languages are spoken as English speakers say them'],
])('%s', (name, fact) => {
  it(fact, async () => {
    const wrong: string[] = []
    for (const { text, word, ipa } of read(name)) {
      const { units } = await phonemizer.phonemize(text)
      const found = units.find(unit => unit.kind === 'word' && unit.text === word)
      const bare = found?.kind === 'word' ? found.phonemes.replace(/[ˈˌː ]/g, '') : undefined
      if (!ipa.includes(bare ?? '')) wrong.push(`${text}: ${word} is ${bare}, expected ${ipa.join(' or ')}`)
    }
    expect(wrong).toEqual([])
  }, 120_000)
})
