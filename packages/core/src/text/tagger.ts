import { createRequire } from 'node:module'
import { createTextThread } from './thread.ts'

/** A universal part of speech: `NOUN`, `PROPN`, `PRON`, `VERB`, `AUX`, `ADJ`, `ADV`, `DET`, `ADP`, `NUM`, `PART`, `CCONJ`, `SCONJ`, `INTJ`, `PUNCT`, `SYM`, `X`. */
export type PartOfSpeech = string

/** Tells parts of speech. Another one is another implementation. */
export interface Tagger extends AsyncDisposable {
  /**
   * @param sentences words and marks of each sentence
   * @returns one part of speech a word
   */
  tag(sentences: readonly (readonly string[])[]): Promise<PartOfSpeech[][]>
}

/** wink cuts words further ("do" + "n't"): the tag of the first piece of each is taken. */
const SCRIPT = `
const nlp = require(workerData.nlp)(require(workerData.model), ['pos'])
const { its } = nlp
function answer(sentences) {
  return sentences.map(words => {
    const tokens = nlp.readDoc(words.join(' ')).tokens()
    const [values, spaces, tags] = [tokens.out(its.value), tokens.out(its.precedingSpaces), tokens.out(its.pos)]
    const found = new Map()
    let at = 0
    for (const [i, value] of values.entries()) {
      at += spaces[i].length
      if (!found.has(at)) found.set(at, tags[i])
      at += value.length
    }
    at = 0
    return words.map(word => {
      const tag = found.get(at) ?? 'X'
      at += word.length + 1
      return tag
    })
  })
}
`

/** wink-nlp, in a thread of its own that loads it at the first sentence. */
export function createTagger(): Tagger {
  const { resolve } = createRequire(import.meta.url)
  const thread = createTextThread<readonly (readonly string[])[], PartOfSpeech[][]>('wink-nlp', SCRIPT, {
    nlp: resolve('wink-nlp'),
    model: resolve('wink-eng-lite-web-model'),
  })
  return {
    tag: sentences => thread.ask(sentences),
    [Symbol.asyncDispose]: () => thread[Symbol.asyncDispose](),
  }
}
