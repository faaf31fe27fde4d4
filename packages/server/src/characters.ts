import type { Word } from '@mynah/core'
import type { EncodedChunks } from './streaming.ts'

/** When each character of a piece of text is spoken, in seconds from the start of the whole speech. */
export interface CharacterTimes {
  readonly characters: string[]
  readonly startSeconds: number[]
  readonly endSeconds: number[]
}

/**
 * Spreads the times of words over their characters, and what lies between words over the pauses. Each character of the text is given once, in order:
 * with the chunk whose words it follows, the rest with the last one.
 */
export class CharacterAligner {
  #text = ''
  #given = 0

  /** Adds text that is to be spoken. */
  push(text: string): void {
    this.#text += text
  }

  /** The characters up to the end of a chunk: its words, and what is written between and directly behind them. */
  take(chunk: { readonly words: readonly Word[]; readonly startSeconds: number; readonly durationSeconds: number }): CharacterTimes {
    const times: CharacterTimes = { characters: [], startSeconds: [], endSeconds: [] }
    let reached = chunk.startSeconds
    for (const word of chunk.words) {
      const found = this.#text.indexOf(word.text, this.#given)
      if (found === -1) {
        spread(times, word.text, word.startSeconds, word.endSeconds) // spoken otherwise than written
      } else {
        spread(times, this.#text.slice(this.#given, found), Math.min(reached, word.startSeconds), word.startSeconds)
        spread(times, word.text, word.startSeconds, word.endSeconds)
        this.#given = found + word.text.length
      }
      reached = word.endSeconds
    }
    const end = Math.max(reached, chunk.startSeconds + chunk.durationSeconds)
    const behind = chunk.words.length > 0 ? /^[^\p{L}\p{N}[]*/u.exec(this.#text.slice(this.#given))![0] : ''
    this.#given += behind.length
    spread(times, behind, reached, end)
    return times
  }

  /** What of the text is left when all is spoken: characters without sound. */
  rest(seconds: number): CharacterTimes {
    const times: CharacterTimes = { characters: [], startSeconds: [], endSeconds: [] }
    spread(times, this.#text.slice(this.#given), seconds, seconds)
    this.#given = this.#text.length
    return times
  }
}

/** Encoded speech with the times of its characters, and where each chunk starts. What is left of the text comes with the last bytes. */
export async function* withCharacters(chunks: EncodedChunks, aligner: CharacterAligner) {
  let end = 0
  for await (const { speech, bytes } of chunks) {
    const startSeconds = speech?.startSeconds ?? end
    if (speech) end = startSeconds + speech.durationSeconds
    yield { bytes, startSeconds, times: speech ? aligner.take(speech) : aligner.rest(end) }
  }
}

function spread({ characters, startSeconds, endSeconds }: CharacterTimes, text: string, start: number, end: number): void {
  const letters = [...text]
  for (const [i, letter] of letters.entries()) {
    characters.push(letter)
    startSeconds.push(start + ((end - start) * i) / letters.length)
    endSeconds.push(start + ((end - start) * (i + 1)) / letters.length)
  }
}
