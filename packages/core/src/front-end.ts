import { type Phonemizer, splitUnits, type Unit } from './text/phonemize.ts'
import { type Sentence, segment, segmentStream } from './text/segment.ts'
import type { TextSource } from './text/stream.ts'
import { createVocabulary } from './text/vocabulary.ts'

/** A word of an utterance. */
export interface SpokenWord {
  /** As it is written. */
  readonly text: string
  /** Its phonemes: [start, end) in the utterance's. */
  readonly start: number
  readonly end: number
}

/** Phonemes as the models take them. */
export interface PhonemeSequence {
  /** Ids [P], between boundaries where the model has them; empty where there is nothing to speak. */
  readonly phonemes: Int32Array
  readonly words: readonly SpokenWord[]
  /** What could not be read, in sentences. */
  readonly warnings: readonly string[]
}

/** What goes through the models at once: a sentence, or a part of one. */
export interface Utterance extends PhonemeSequence {
  /** Exact silence before it, seconds. */
  readonly pauseSeconds: number
}

/** How a model's corpus writes phonemes. */
export interface TextStyle {
  /** The id at both ends of an utterance; none if undefined. */
  readonly boundary: number | undefined
  /** The symbol between words. */
  readonly space: string
  /** The symbol that ends what has no punctuation. */
  readonly ending: string
  /** The phonemizer's IPA or marks in the symbols of the corpus. */
  rewrite(text: string, kind: 'word' | 'mark', language: string | undefined): string
}

/** Options of `FrontEnd.read` and `readTranscript`. */
export interface ReadOptions {
  /** Language of the phonemes that markup gives, for models of several: ISO 639-1. */
  readonly language?: string | undefined
}

/** Text → phoneme ids of one bundle. */
export interface FrontEnd extends AsyncDisposable {
  /**
   * Utterances in the order of the text, each as soon as its text is complete. The last one has no phonemes if the text ends with a pause.
   * @throws {RangeError} for malformed markup, or, at the end, if nothing in the text could be spoken; {TypeError} for a piece that is no string
   */
  read(text: TextSource, options?: ReadOptions): AsyncGenerator<Utterance, void, undefined>
  /**
   * The whole of a transcript as one sequence, without pauses.
   * @throws {RangeError} for malformed markup, or if nothing in it can be spoken
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

/** Mynah's own models: a boundary (id 0) at both ends; a comma ends what has no punctuation, since so does every sentence of the corpus, and a pause is one. */
export const mynahStyle: TextStyle = { boundary: 0, space: ' ', ending: ',', rewrite: text => text }
const sentenceEnd = /[.!?…]["'”’»)\]]*$/

/**
 * Joins segmentation, phonemizer and vocabulary. Owns the phonemizer.
 * @param symbols the phoneme table of the bundle
 * @param style how its model writes phonemes; Mynah's own by default
 * @throws {RangeError} for a symbol of the table that cannot be used
 */
export function createFrontEnd(symbols: readonly string[], phonemizer: Phonemizer, style: TextStyle = mynahStyle): FrontEnd {
  const { boundary } = style
  const vocabulary = createVocabulary(symbols)
  const space = vocabulary.idOf(style.space)

  /** Units without pauses → ids. */
  function toSequence(units: readonly Unit[], warnings: readonly string[], language: string | undefined): PhonemeSequence {
    const ids: number[] = boundary === undefined ? [] : [boundary]
    const words: SpokenWord[] = []
    const unknown = new Set<string>()
    for (const unit of units) {
      if (unit.kind === 'pause') continue
      const { ids: spoken, dropped } = vocabulary.toIds(
        style.rewrite(unit.kind === 'word' ? unit.phonemes : unit.text, unit.kind, language),
      )
      for (const symbol of dropped) unknown.add(symbol)
      const start = ids.length
      for (const id of spoken) if (id !== space || (ids.at(-1) !== space && ids.at(-1) !== boundary)) ids.push(id)
      if (unit.kind === 'word' && ids.length > start) words.push({ text: unit.text, start, end: ids.length })
    }
    while (ids.at(-1) === space) ids.pop()
    const ending = vocabulary.idOf(style.ending)
    if (ending !== undefined && words.at(-1)?.end === ids.length) ids.push(ending)
    if (boundary !== undefined) ids.push(boundary)
    const all =
      unknown.size === 0 ? warnings : [...warnings, `left out phonemes that the voice model does not know: ${[...unknown].join(' ')}`]
    return { phonemes: words.length === 0 ? new Int32Array(0) : Int32Array.from(ids), words, warnings: all }
  }

  /** Units between pauses, and no more than the models can speak at once. A part that begins where a long one was cut has no pause before it. */
  function* toParts(units: readonly Unit[]): Generator<{ pauseSeconds: number | undefined; units: readonly Unit[] }> {
    let pauseSeconds: number | undefined
    let rest = units
    while (true) {
      const pause = rest.findIndex(unit => unit.kind === 'pause')
      const [first = [], ...others] = splitUnits(pause < 0 ? rest : rest.slice(0, pause), maxUtterancePhonemes)
      yield { pauseSeconds, units: first }
      for (const part of others) yield { pauseSeconds: 0, units: part }
      const found = rest[pause]
      if (found?.kind !== 'pause') return
      pauseSeconds = found.seconds
      rest = rest.slice(pause + 1)
    }
  }

  async function* read(text: TextSource, { language }: ReadOptions = {}): AsyncGenerator<Utterance, void, undefined> {
    const options = { maxCharacters: maxSentenceCharacters }
    const sentences: AsyncIterable<Sentence> | Iterable<Sentence> =
      typeof text === 'string' ? segment(text, options) : segmentStream(text, options)
    let isFirst = true
    let asked: number | undefined // seconds of [pause …] since the last utterance; they replace the pause between sentences
    let natural = 0
    let warnings: string[] = []
    for await (const sentence of sentences) {
      const phonemized = await phonemizer.phonemize(sentence.text)
      warnings.push(...phonemized.warnings)
      for (const part of toParts(phonemized.units)) {
        if (part.pauseSeconds !== undefined) asked = (asked ?? 0) + part.pauseSeconds
        const sequence = toSequence(part.units, warnings, language)
        if (sequence.phonemes.length === 0) continue
        yield { ...sequence, pauseSeconds: asked ?? (isFirst ? 0 : natural) }
        isFirst = false
        asked = undefined
        natural = 0
        warnings = []
      }
      natural = Math.max(
        natural,
        sentence.endsParagraph ? paragraphPauseSeconds : sentenceEnd.test(sentence.text) ? sentencePauseSeconds : 0,
      )
    }
    if (isFirst) throw nothingToSpeak('text', typeof text === 'string' ? text : undefined, warnings)
    if (asked !== undefined || warnings.length > 0) yield { ...toSequence([], warnings, language), pauseSeconds: asked ?? 0 }
  }

  return {
    read,
    async readTranscript(transcript, { language } = {}) {
      const { units, warnings } = await phonemizer.phonemize(transcript)
      const sequence = toSequence(units, warnings, language)
      if (sequence.phonemes.length === 0) throw nothingToSpeak('transcript', transcript, warnings)
      return sequence
    },
    toIpa: phonemes => vocabulary.toIpa(phonemes),
    [Symbol.asyncDispose]: () => phonemizer[Symbol.asyncDispose](),
  }
}

function nothingToSpeak(what: string, text: string | undefined, warnings: readonly string[]): RangeError {
  const found = text?.trim() === '' ? 'is empty' : `holds nothing that can be spoken${warnings.map(warning => ` (${warning})`).join('')}`
  return Object.assign(new RangeError(`${what}: ${found}, expected words; pass English text`), { code: 'nothing-to-speak' })
}
