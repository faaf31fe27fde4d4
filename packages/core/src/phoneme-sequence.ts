import type { Unit } from './text/phonemize.ts'
import { createVocabulary } from './text/vocabulary.ts'

/** A word of an utterance. */
export interface SpokenWord {
  /** As it is written. */
  readonly text: string
  /** With the punctuation around it and the space after it, where that is more than one space: joined, words are the text. */
  readonly written?: string
  /** Its phonemes: [start, end) in the utterance's. */
  readonly start: number
  readonly end: number
  /** Name of a `<mark>` of SSML, which stands before the next word; `text` is empty then, and `start` is `end`. */
  readonly mark?: string
}

/** Phonemes as the models take them. */
export interface PhonemeSequence {
  /** Ids [P], between boundaries where the model has them; empty where there is nothing to speak. */
  readonly phonemes: Int32Array
  readonly words: readonly SpokenWord[]
  /** What could not be read, in sentences. */
  readonly warnings: readonly string[]
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

/** Mynah's own models: a boundary (id 0) at both ends; a comma ends what has no punctuation, since so does every sentence of the corpus, and a pause is one. */
export const mynahStyle: TextStyle = { boundary: 0, space: ' ', ending: ',', rewrite: text => text }

/** Phonemes as text → ids, and back, for one bundle. */
export interface Sequencer {
  /** @param units of the phonemizer, without pauses @param language of what markup gives @param written how words were written that are read otherwise */
  toSequence(
    units: readonly Unit[],
    warnings: readonly string[],
    language: string | undefined,
    written?: ReadonlyMap<Unit, string>,
  ): PhonemeSequence
  /** The IPA of phoneme ids. */
  toIpa(phonemes: Int32Array): string
}

/**
 * @param symbols the phoneme table of the bundle
 * @param style how its model writes phonemes
 * @throws {RangeError} for a symbol of the table that cannot be used
 */
export function createSequencer(symbols: readonly string[], style: TextStyle): Sequencer {
  const { boundary } = style
  const vocabulary = createVocabulary(symbols)
  const space = vocabulary.idOf(style.space)
  const ending = vocabulary.idOf(style.ending)

  function toSequence(
    units: readonly Unit[],
    warnings: readonly string[],
    language: string | undefined,
    written?: ReadonlyMap<Unit, string>,
  ): PhonemeSequence {
    const ids: number[] = boundary === undefined ? [] : [boundary]
    const words: SpokenWord[] = []
    const unknown = new Set<string>()
    for (const unit of units) {
      if (unit.kind === 'bookmark') words.push({ text: '', mark: unit.name, start: ids.length, end: ids.length })
      if (unit.kind !== 'word' && unit.kind !== 'mark') continue
      const { ids: spoken, dropped } = vocabulary.toIds(
        style.rewrite(unit.kind === 'word' ? unit.phonemes : unit.text, unit.kind, language),
      )
      for (const symbol of dropped) unknown.add(symbol)
      const start = ids.length
      for (const id of spoken) if (id !== space || (ids.at(-1) !== space && ids.at(-1) !== boundary)) ids.push(id)
      const shown = written?.get(unit)
      if (unit.kind === 'word' && ids.length > start)
        words.push({ text: unit.text, start, end: ids.length, ...(shown === undefined ? {} : { written: shown }) })
    }
    while (ids.at(-1) === space) ids.pop()
    const spoken = words.filter(word => word.mark === undefined)
    if (ending !== undefined && spoken.at(-1)?.end === ids.length) ids.push(ending)
    if (boundary !== undefined) ids.push(boundary)
    const all =
      unknown.size === 0 ? warnings : [...warnings, `left out phonemes that the voice model does not know: ${[...unknown].join(' ')}`]
    return { phonemes: spoken.length === 0 ? new Int32Array(0) : Int32Array.from(ids), words, warnings: all }
  }

  return { toSequence, toIpa: phonemes => vocabulary.toIpa(phonemes) }
}
