import { existsSync, readFileSync } from 'node:fs'
import { InferenceError } from '@mynah/onnx'
import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { createEspeak, type Pronouncer } from './espeak.ts'
import { createLexicon } from './lexicon.ts'
import { createPhonemizer, splitUnits, toIpa, type Unit } from './phonemize.ts'
import { createVocabulary } from './vocabulary.ts'

const root = new URL('../../../../', import.meta.url)
const symbols: string[] = JSON.parse(readFileSync(new URL('training/assets/phonemes.json', root), 'utf8'))
const sample: { text: string; phonemes: string }[] = JSON.parse(readFileSync(new URL('test/fixtures/text/corpus.json', root), 'utf8'))
const manifest = new URL('../shared/data/synthetic/manifest.jsonl', root)

const phonemizer = createPhonemizer({ lexicon: createLexicon({ mynah: '/mˈaɪnə/', nginx: 'engine ex' }) })
afterAll(() => phonemizer[Symbol.asyncDispose]())

const ipa = async (text: string) => toIpa((await phonemizer.phonemize(text)).units)
const words = async (text: string) =>
  (await phonemizer.phonemize(text)).units.flatMap(unit => (unit.kind === 'word' ? [`${unit.text}=${unit.phonemes}`] : []))

/** Says how well the phonemizer agrees with the phonemes that the models were trained with. */
async function agreement(sentences: readonly { text: string; phonemes: string }[]) {
  const vocabulary = createVocabulary(symbols)
  const results = await Promise.all(sentences.map(sentence => ipa(sentence.text)))
  let [exact, edits, characters, dropped] = [0, 0, 0, 0]
  for (const [i, result] of results.entries()) {
    const expected = (sentences[i] as { phonemes: string }).phonemes
    exact += Number(result === expected)
    edits += editDistance(result, expected)
    characters += expected.length
    dropped += vocabulary.toIds(result).dropped.length
  }
  return { exact: exact / results.length, characterErrors: edits / characters, dropped }
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1)
      next.push(Math.min(swap, (row[j] as number) + 1, (next[j - 1] as number) + 1))
    }
    row = next
  }
  return row[b.length] as number
}

describe('createPhonemizer', () => {
  it('pronounces words that are names of Object.prototype, alone and among others', async () => {
    for (const word of ['constructor', 'toString', 'valueOf', '__proto__', 'hasOwnProperty', 'isPrototypeOf']) {
      for (const text of [word, `A ${word} again.`]) expect(await ipa(text), text).toMatch(/^[^{}[\]]{3,}$/)
    }
    expect(await ipa('constructor')).toBe('kənstɹˈʌktɚ.')
  })

  it('agrees with the phonemes of the corpus', async () => {
    const { exact, characterErrors, dropped } = await agreement(sample)
    expect(exact).toBeGreaterThanOrEqual(0.95)
    expect(characterErrors).toBeLessThanOrEqual(0.002)
    expect(dropped).toBe(0)
  }, 300_000)

  it.skipIf(!existsSync(manifest))(
    'agrees with 200 more sentences (skipped without ../shared/data/synthetic)',
    async () => {
      const lines = readFileSync(manifest, 'utf8').trim().split('\n')
      const { exact, characterErrors, dropped } = await agreement(
        lines
          .filter((_, i) => i % 7 === 5)
          .slice(0, 200)
          .map(line => JSON.parse(line)),
      )
      expect(exact).toBeGreaterThanOrEqual(0.96)
      expect(characterErrors).toBeLessThanOrEqual(0.002)
      expect(dropped).toBe(0)
    },
    600_000,
  )

  it('gives each word as written its phonemes, also where espeak merges or splits words', async () => {
    expect(await words('It was in the lunchroom of the school.')).toEqual([
      'It=ɪt',
      'was=wʌz',
      'in=ɪn',
      'the=ðə',
      'lunchroom=lˈʌntʃ ɹuːm',
      'of=ʌv',
      'the=ðə',
      'school=skˈuːl',
    ])
    expect(await ipa('It was in the lunchroom of the school.')).toBe('ɪt wʌz ɪnðə lˈʌntʃ ɹuːm ʌvðə skˈuːl.')
  })

  it('keeps context across words', async () => {
    expect(await words('the apple, the pear')).toEqual(['the=ðɪ', 'apple=ˈæpəl', 'the=ðə', 'pear=pˈɛɹ'])
  })

  it('keeps punctuation with the spaces of the corpus', async () => {
    expect(await ipa('"Hello", she said — (softly) ... "well?!"')).toBe('"həlˈoʊ", ʃiː sˈɛd— (sˈɔftli)… "wˈɛl?!"')
  })

  it('ends text without final punctuation with a full stop', async () => {
    expect(await ipa('Hello')).toBe('həlˈoʊ.')
    expect(await ipa('"Hello"')).toBe('"həlˈoʊ".')
    expect(await ipa('Hello,')).toBe('həlˈoʊ,')
  })

  it('makes one word of what is written as one', async () => {
    const text = 'It costs $3.50 in 1984.'
    const { units } = await phonemizer.phonemize(text)
    const money = units.find(unit => unit.kind === 'word' && unit.text === '$3.50') as Extract<Unit, { kind: 'word' }>
    expect(money.phonemes).toBe('θɹˈiː dˈɑːlɚz ænd fˈɪfti sˈɛnts')
    expect(text.slice(money.start, money.end)).toBe('$3.50')
  })

  it('reads letters by their names, with one main stress', async () => {
    expect(await words('the FBI and A4')).toEqual(['the=ðɪ', 'FBI=ˌɛfbˌiːˈaɪ', 'and=ænd', 'A4=ˈeɪ fˈɔːɹ'])
    expect(await words('CPUs, a cat')).toEqual(['CPUs=sˌiːpˌiːjˈuːz', 'a=ɐ', 'cat=kˈæt'])
  })

  it('takes phonemes from markup and lexicon, and other spellings from the lexicon', async () => {
    expect(await words('The [API](/ˌeɪpˌiːˈaɪ/) of [gray](/grˈeɪ/) Mynah, nginx')).toEqual([
      'The=ðɪ',
      'API=ˌeɪpˌiːˈaɪ',
      'of=ʌv',
      'gray=ɡɹˈeɪ',
      'Mynah=mˈaɪnə',
      'nginx=ˈɛndʒɪn ˈɛks',
    ])
  })

  it('puts pauses between, and ends the words before with a comma', async () => {
    const { units } = await phonemizer.phonemize('One [pause 0.5s] two.[pause 250ms]')
    expect(units.map(unit => (unit.kind === 'pause' ? unit.seconds : toIpa([unit])))).toEqual(['wˌʌn', ',', 0.5, 'tˈuː', '.', 0.25])
  })

  it('gives no words for text that cannot be spoken, and says what it left out', async () => {
    for (const text of ['', ' \n', '...', '🎉', '-- "" ()', '***']) expect((await phonemizer.phonemize(text)).units).toEqual([])
    const { units, warnings } = await phonemizer.phonemize('你好 שלום')
    expect(units).toEqual([])
    expect(warnings.join()).toMatch(/left out 6 characters .*你 好 ש/)
    expect((await phonemizer.phonemize('[pause 1s]')).units).toEqual([{ kind: 'pause', seconds: 1 }])
  })

  it('takes malformed markup for text, and says so', async () => {
    const { units, warnings } = await phonemizer.phonemize('Wait [pause forever] now.')
    expect(units.flatMap(unit => (unit.kind === 'word' ? [unit.text] : []))).toEqual(['Wait', 'pause', 'forever', 'now'])
    expect(warnings).toEqual([expect.stringContaining('"[pause forever]" is no pause')])
  })

  it('takes markup for text where the caller says so', async () => {
    const { units } = await phonemizer.phonemize('Wait [pause 1s] now.', { markup: false })
    expect(units.filter(unit => unit.kind === 'pause')).toEqual([])
    expect(units.flatMap(unit => (unit.kind === 'word' ? [unit.text] : []))).toEqual(['Wait', 'pause', '1s', 'now'])
  })

  it('reads the words of a link, not its address', async () => {
    expect(await words('See the [user guide](/docs/).')).toEqual(['See=sˈiː', 'the=ðə', 'user=jˈuːzɚ', 'guide=ɡˈaɪd'])
  })

  it('leaves the listeners of the process alone', async () => {
    const listeners = () => ['uncaughtException', 'unhandledRejection'].map(event => process.listenerCount(event))
    const before = listeners()
    const own = createPhonemizer()
    await own.phonemize('Hello.')
    expect(listeners()).toEqual(before)
    await own[Symbol.asyncDispose]()
  })

  it('says that it was disposed of, and stays so', async () => {
    const espeak = createEspeak()
    const unfinished = espeak.pronounce(['hello'])
    const failed = expect(unfinished).rejects.toThrow(InferenceError)
    await espeak[Symbol.asyncDispose]()
    await failed
    await expect(espeak.pronounce(['hello'])).rejects.toMatchObject({ code: 'disposed' })
    await espeak[Symbol.asyncDispose]()
  })
})

/** Spells instead of pronouncing, and merges "of the": fast, for what doesn't depend on English. */
const speller: Pronouncer = {
  pronounce: async clauses => clauses.map(clause => clause.toLowerCase().replaceAll('of the', 'ofthe')),
  [Symbol.asyncDispose]: async () => {},
}

describe('any text', () => {
  const quick = createPhonemizer({ pronouncer: speller })

  it('has words in order, inside the text, with phonemes; and marks that never double a space', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string({ unit: 'binary', maxLength: 60 }), hostileText), async text => {
        const { units } = await quick.phonemize(text)
        let at = 0
        for (const unit of units) {
          if (unit.kind !== 'word') continue
          expect(unit.start).toBeGreaterThanOrEqual(at)
          expect(unit.end).toBeLessThanOrEqual(text.length)
          expect(unit.phonemes.trim()).not.toBe('')
          at = unit.start
        }
        expect(toIpa(units)).not.toMatch(/ {2}|^ | $/)
      }),
      { numRuns: 500 },
    )
  })

  it('takes 100,000 characters', async () => {
    for (const unit of ['hello of the world, ', 'x', '😀', '\ud800', '1', '你', 'a.', '5-', '[']) {
      const { units } = await quick.phonemize(unit.repeat(100_000 / unit.length))
      expect(units.length).toBeGreaterThanOrEqual(0)
    }
  }, 120_000)

  it('is cut in utterances of at most maxPhonemes, which together are the whole', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom('of', 'the', 'house', 'evening,', 'well.', 'a'), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 20, max: 60 }),
        async (text, max) => {
          const { units } = await quick.phonemize(text.join(' '))
          const pieces = splitUnits(units, max)
          for (const piece of pieces) expect(toIpa(piece).length).toBeLessThanOrEqual(max + 1)
          const wordsOf = (list: readonly Unit[]) => list.filter(unit => unit.kind === 'word')
          expect(pieces.flatMap(wordsOf)).toEqual(wordsOf(units))
          for (const piece of pieces.slice(0, -1)) expect(toIpa(piece)).toMatch(/[,.]$/)
        },
      ),
    )
  })

  it('refuses a limit below 20', () => expect(() => splitUnits([], 19)).toThrow(RangeError))
})

const hostileText = fc
  .array(
    fc.constantFrom(
      'word',
      ' ',
      '"',
      '(',
      ')',
      ',',
      '.',
      '—',
      '[a](/b/)',
      '[pause 1s]',
      '5',
      '$',
      "'",
      '-',
      '\n',
      'A',
      'U.S.',
      '😀',
      '你',
      '\ud800',
      '\u0301',
      '1/2',
      '%',
      'x³',
    ),
    { maxLength: 30 },
  )
  .map(parts => parts.join(''))
