import { createSequencer, mynahStyle, type PhonemeSequence, type SpokenWord, type TextStyle } from './phoneme-sequence.ts'
import { type Phonemizer, splitUnits, type Unit } from './text/phonemize.ts'
import { segmentStream } from './text/segment.ts'
import { openSource, type SourceOptions } from './text/source.ts'
import type { TextSource } from './text/stream.ts'
import type { SpeakingStyle } from './text/tags.ts'
import { writtenWords } from './text/written.ts'

/** What goes through the models at once: a sentence, or a part of one; in the caller's voice and rate, unless SSML says otherwise. */
export interface Utterance extends PhonemeSequence, SpeakingStyle {
  /** Exact silence before it, seconds. */
  readonly pauseSeconds: number
}

/** What is spoken between two pauses. */
interface Part {
  readonly pauseSeconds?: number
  readonly style?: SpeakingStyle
  readonly units: readonly Unit[]
}

/** Options of `FrontEnd.read` and `readTranscript`. */
export interface ReadOptions extends SourceOptions {
  /** Whether `[word](/ipa/)` and `[pause 0.4s]` are markup; true by default. */
  readonly markup?: boolean | undefined
  /** Whether references such as `[1]` are read; true by default. */
  readonly citations?: boolean | undefined
  /** Language of the phonemes that markup gives, for models of several: ISO 639-1. */
  readonly language?: string | undefined
}

/** Text → phoneme ids of one bundle. */
export interface FrontEnd extends AsyncDisposable {
  /**
   * Utterances in the order of the text, each as soon as its text is complete. The last one has no phonemes if the text ends with a pause.
   * @throws {RangeError} at the end, if nothing in the text could be spoken; {TypeError} for a piece that is no string
   */
  read(text: TextSource, options?: ReadOptions): AsyncGenerator<Utterance, void, undefined>
  /**
   * The whole of a transcript as one sequence, without pauses.
   * @throws {RangeError} if nothing in it can be spoken
   */
  readTranscript(transcript: string, options?: ReadOptions): Promise<PhonemeSequence>
  /** The IPA of phoneme ids. */
  toIpa(phonemes: Int32Array): string
}

/** Sentences of the corpus have at most 151 characters; longer ones are cut, at a clause if possible, since the models never saw any. */
const maxSentenceCharacters = 150
/** What a short text with large numbers may become: 14 s at the corpus' 17 phonemes a second. More begins a new utterance. */
const maxUtterancePhonemes = 240
/** Silence after a sentence and after a paragraph, beside the 0.2 s that the model itself leaves between two utterances. */
const sentencePauseSeconds = 0.2
const paragraphPauseSeconds = 0.5

const sentenceEnd = /[.!?…]["'”’»)\]]*$/

/**
 * Joins segmentation, phonemizer and vocabulary. Owns the phonemizer.
 * @param symbols the phoneme table of the bundle
 * @param style how its model writes phonemes; Mynah's own by default
 * @throws {RangeError} for a symbol of the table that cannot be used
 */
export function createFrontEnd(symbols: readonly string[], phonemizer: Phonemizer, style: TextStyle = mynahStyle): FrontEnd {
  const { toSequence, toIpa } = createSequencer(symbols, style)

  async function* read(text: TextSource, options: ReadOptions = {}): AsyncGenerator<Utterance, void, undefined> {
    const { language, markup, citations } = options
    const source = openSource(text, options)
    let isFirst = true
    let asked: number | undefined // seconds of [pause …] since the last utterance; they replace the pause between sentences
    let natural = 0
    let style: SpeakingStyle = {}
    let warnings: string[] = []
    let marks: SpokenWord[] = [] // that no word has followed yet
    for await (const sentence of segmentStream(source.pieces, { maxCharacters: maxSentenceCharacters })) {
      const phonemized = await phonemizer.phonemize(sentence.text, { markup, citations, tags: source.tags() })
      warnings.push(...source.takeWarnings(), ...phonemized.warnings)
      const written = writtenWords(sentence.text, phonemized.units)
      for (const part of toParts(phonemized.units)) {
        if (part.pauseSeconds !== undefined) asked = (asked ?? 0) + part.pauseSeconds
        if (part.style !== undefined) style = part.style
        const sequence = toSequence(part.units, warnings, language, written)
        if (sequence.phonemes.length === 0) {
          marks.push(...sequence.words.map(word => ({ ...word, start: 0, end: 0 })))
          continue
        }
        yield { ...sequence, ...style, words: [...marks, ...sequence.words], pauseSeconds: asked ?? (isFirst ? 0 : natural) }
        isFirst = false
        asked = undefined
        natural = 0
        warnings = []
        marks = []
      }
      natural = Math.max(
        natural,
        sentence.endsParagraph ? paragraphPauseSeconds : sentenceEnd.test(sentence.text) ? sentencePauseSeconds : 0,
      )
    }
    warnings.push(...source.takeWarnings())
    if (isFirst) throw nothingToSpeak('text', typeof text === 'string' ? text : undefined, warnings)
    if (asked !== undefined || warnings.length > 0 || marks.length > 0) {
      yield { ...toSequence([], warnings, language), words: marks, pauseSeconds: asked ?? 0 }
    }
  }

  return {
    read,
    async readTranscript(transcript, { language } = {}) {
      const { units, warnings } = await phonemizer.phonemize(transcript)
      const sequence = toSequence(units, warnings, language)
      if (sequence.phonemes.length === 0) throw nothingToSpeak('transcript', transcript, warnings)
      return sequence
    },
    toIpa,
    [Symbol.asyncDispose]: () => phonemizer[Symbol.asyncDispose](),
  }
}

function nothingToSpeak(what: string, text: string | undefined, warnings: readonly string[]): RangeError {
  const found = text?.trim() === '' ? 'is empty' : `holds nothing that can be spoken${warnings.map(warning => ` (${warning})`).join('')}`
  return Object.assign(new RangeError(`${what}: ${found}, expected words; pass English text`), { code: 'nothing-to-speak' })
}

/** Units between pauses and changes of style, and no more than the models can speak at once. A part that begins where a long one was cut has no pause before it. */
function* toParts(units: readonly Unit[]): Generator<Part> {
  let before: Pick<Part, 'pauseSeconds' | 'style'> = {}
  let rest = units
  while (true) {
    const end = rest.findIndex(unit => unit.kind === 'pause' || unit.kind === 'style')
    const [first = [], ...others] = splitUnits(end < 0 ? rest : rest.slice(0, end), maxUtterancePhonemes)
    yield { ...before, units: first }
    for (const part of others) yield { pauseSeconds: 0, units: part }
    const found = rest[end]
    if (found?.kind === 'pause') before = { pauseSeconds: found.seconds }
    else if (found?.kind === 'style') before = { style: found.style }
    else return
    rest = rest.slice(end + 1)
  }
}
