import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { SENSES } from './homograph-senses.ts'
import { HOMOGRAPHS, readRows } from './homograph-table.ts'
import { readHomographs } from './homographs.ts'
import { createTagger } from './tagger.ts'

interface Case {
  text: string
  word: string
  /** null: what espeak-ng says by itself. */
  ipa: string | null
  set: 'development' | 'unseen'
}
const fixture = new URL('../../../../test/fixtures/text/homographs.jsonl', import.meta.url)
const cases: Case[] = readFileSync(fixture, 'utf8')
  .trim()
  .split('\n')
  .map(line => JSON.parse(line))
const split = (text: string) => text.match(/[\p{L}\p{N}]+(?:['-][\p{L}\p{N}]+)*|[^\s\p{L}\p{N}]/gu) ?? []
const tagger = createTagger()
afterAll(() => tagger[Symbol.asyncDispose]())

describe('readHomographs', () => {
  it.each(['development', 'unseen'] as const)(
    'reads the words of the %s sentences as they are meant',
    async set => {
      const chosen = cases.filter(each => each.set === set)
      const sentences = chosen.map(({ text }) => split(text))
      const found = await readHomographs(sentences, tagger)
      const wrong = chosen.flatMap(({ text, word, ipa }, i) => {
        const index = (sentences[i] as string[]).findIndex(each => each.toLowerCase() === word.toLowerCase())
        const read = found[i]?.get(index) ?? null
        return read === ipa ? [] : [`${text}: ${word} is ${read}, expected ${ipa}`]
      })
      expect(wrong).toEqual([])
    },
    120_000,
  )

  it('does not ask the tagger about sentences without such a word', async () => {
    const refusing = { tag: () => Promise.reject(new Error('asked')), [Symbol.asyncDispose]: async () => {} }
    expect(await readHomographs([['Good', 'morning']], refusing)).toEqual([new Map()])
    await expect(readHomographs([['Good', 'record']], refusing)).rejects.toThrow('asked')
  })

  it('gives the commonest reading where a tagger knows nothing', async () => {
    const blind = {
      tag: async (sentences: readonly (readonly string[])[]) => sentences.map(words => words.map(() => 'X')),
      [Symbol.asyncDispose]: async () => {},
    }
    expect((await readHomographs([['Record']], blind))[0]?.get(0)).toBe(HOMOGRAPHS.get('record')?.readings.get('N'))
  })
})

describe('the table of homographs', () => {
  it('refuses a word that has two rows', () => expect(() => readRows('a N a\na V b')).toThrow('"a" has two rows'))
  it('has every reading that a rule of sense can name', () => {
    for (const word of SENSES.keys()) expect(HOMOGRAPHS.has(word), word).toBe(true)
  })
  it('inflects its rows', () => {
    expect(HOMOGRAPHS.get('excuses')?.readings.get('V')).toBe('ɛkskjˈuːzᵻz')
    expect(HOMOGRAPHS.get('allies')?.readings.get('N')).toBe('ˈælaɪz')
    expect(HOMOGRAPHS.get('conflicts')?.readings.get('V')).toBe('kənflˈɪkts')
  })
})
