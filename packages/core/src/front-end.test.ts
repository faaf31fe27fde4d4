import { describe, expect, it } from 'vitest'
import { createFrontEnd, type Utterance } from './front-end.ts'
import type { Phonemizer, Unit } from './text/phonemize.ts'

/** One letter, one phoneme; `|` is a pause of a second, `?` cannot be read, and the rest are marks. */
const spelling: Phonemizer = {
  async phonemize(text) {
    const units: Unit[] = []
    for (const { 0: piece, index } of text.matchAll(/[a-z]+|\||[^a-z|?]+|\?/gi)) {
      if (piece === '|') units.push({ kind: 'pause', seconds: 1 })
      else if (/[a-z]/i.test(piece))
        units.push({ kind: 'word', text: piece, phonemes: piece.toLowerCase(), start: index, end: index + piece.length })
      else if (piece !== '?') units.push({ kind: 'mark', text: piece })
    }
    return { units, warnings: text.includes('?') ? ['cannot read "?"'] : [] }
  },
  [Symbol.asyncDispose]: async () => undefined,
}
const frontEnd = createFrontEnd([...'_ .,abcdefghijklmnopqrstuvwxy'], spelling)
const read = async (text: string | AsyncIterable<string>) => {
  const utterances: Utterance[] = []
  for await (const utterance of frontEnd.read(text)) utterances.push(utterance)
  return utterances
}
const shown = (utterances: readonly Utterance[]) => utterances.map(({ pauseSeconds, phonemes }) => [pauseSeconds, frontEnd.toIpa(phonemes)])

describe('the front-end', () => {
  it('puts a boundary at both ends, and says where each word lies', async () => {
    const [utterance] = await read('ab, cd.')
    expect([...utterance!.phonemes]).toEqual([0, 4, 5, 3, 1, 6, 7, 2, 0])
    expect(utterance!.words).toEqual([
      { text: 'ab', written: 'ab, ', start: 1, end: 3 },
      { text: 'cd', written: 'cd. ', start: 5, end: 7 },
    ])
  })

  it('leaves a pause between sentences, a longer one between paragraphs, and none around the text', async () => {
    expect(shown(await read('Ab. Cd.\n\nEf.'))).toEqual([
      [0, 'ab.'],
      [0.2, 'cd.'],
      [0.5, 'ef.'],
    ])
  })

  it('lets a pause that was asked for replace the one between sentences, and adds up those in a row', async () => {
    expect(shown(await read('ab. | cd | | ef.'))).toEqual([
      [0, 'ab.'],
      [1, 'cd,'],
      [2, 'ef.'],
    ])
  })

  it('keeps pauses before and after the text', async () => {
    expect(shown(await read('| ab. |'))).toEqual([
      [1, 'ab.'],
      [1, ''],
    ])
  })

  it('cuts a sentence that is too long, without a pause', async () => {
    const long = `${'abcdefg '.repeat(50)}hij.`
    const utterances = await read(long)
    expect(utterances.length).toBeGreaterThan(2)
    for (const { phonemes } of utterances) expect(phonemes.length).toBeLessThanOrEqual(243)
    expect(utterances.flatMap(({ words }) => words).length).toBe(51)
    expect(utterances.every(({ pauseSeconds }) => pauseSeconds === 0)).toBe(true)
  })

  it('cuts what becomes long only when it is spoken', async () => {
    const wordy: Phonemizer = {
      ...spelling,
      phonemize: async text => ({
        units: [...text.matchAll(/[a-z]/g)].flatMap(({ 0: letter, index }): Unit[] => [
          ...(index > 0 ? [{ kind: 'mark' as const, text: ' ' }] : []),
          { kind: 'word', text: letter, phonemes: letter.repeat(100), start: index, end: index + 1 },
        ]),
        warnings: [],
      }),
    }
    const sizes: number[] = []
    for await (const { phonemes } of createFrontEnd([...'_ ,ab'], wordy).read('a b a b a')) sizes.push(phonemes.length)
    expect(sizes).toEqual([204, 103, 204]) // each with boundaries, spaces and a comma
  })

  it('passes warnings on with the next thing that is spoken, or after the last', async () => {
    expect((await read('?. ab.')).map(({ warnings }) => warnings)).toEqual([['cannot read "?"']])
    expect((await read('ab. ?')).map(({ warnings }) => warnings)).toEqual([[], ['cannot read "?"']])
    expect((await read('az.'))[0]!.warnings).toEqual(['left out phonemes that the voice model does not know: z'])
  })

  it('refuses a text or transcript in which nothing can be spoken', async () => {
    for (const text of ['', '  \n ', '.', '|', '?', 'zz']) await expect(read(text)).rejects.toThrow(RangeError)
    await expect(read('  ')).rejects.toThrow('text: is empty, expected words')
    await expect(read('?')).rejects.toThrow('text: holds nothing that can be spoken (cannot read "?")')
    await expect(frontEnd.readTranscript('?')).rejects.toThrow('transcript: holds nothing')
  })

  it('reads a transcript as one sequence, whatever its sentences and pauses', async () => {
    const { phonemes, words } = await frontEnd.readTranscript('ab. | cd. ef')
    expect(frontEnd.toIpa(phonemes)).toBe('ab. cd. ef,')
    expect(words.length).toBe(3)
    expect([...phonemes.subarray(1, -1)]).not.toContain(0)
  })

  it('gives what arrives in pieces as soon as a sentence is complete', async () => {
    const seen: string[] = []
    async function* pieces() {
      yield 'Ab. C'
      seen.push('more')
      yield 'd.'
    }
    for await (const { words } of frontEnd.read(pieces())) seen.push(words.map(word => word.text).join(' '))
    expect(seen).toEqual(['Ab', 'more', 'Cd'])
  })
})
