/** What markup says about a place in the text. */
export type Tag =
  /** Silence. */
  | { readonly kind: 'pause'; readonly seconds: number }
  /** `text` is spoken with these phonemes. */
  | { readonly kind: 'phonemes'; readonly text: string; readonly phonemes: string }
  /** `text` is spoken as `spoken` is: as it would be read (`isWords` false), or word for word, single capitals being letters. */
  | { readonly kind: 'say'; readonly text: string; readonly spoken: string; readonly isWords: boolean }
  /** Text of a link, whose address is not read. */
  | { readonly kind: 'link'; readonly text: string }
  /** A place that the caller wants to know the time of. */
  | { readonly kind: 'bookmark'; readonly name: string }
  /** From here on another voice or rate. */
  | { readonly kind: 'style'; readonly style: SpeakingStyle }

/** How a part of the text is spoken. */
export interface SpeakingStyle {
  /** Factor of the speaking rate; 1 if absent. */
  readonly rate?: number
  /** Name of a ready voice; the caller's if absent. */
  readonly voice?: string
}

/** Tags that stand in a text as one private character each, so that cutting it into sentences cannot break them. */
export interface Tags {
  /** @returns the character that stands for the tag */
  add(tag: Tag): string
  find(character: string): Tag | undefined
}

const FIRST = 0xf0000
/** Private characters of plane 15. With more tags, the characters of the oldest are used again: a sentence cannot be that long. */
const COUNT = 0xfffd

/** Makes an empty store of tags. */
export function createTags(): Tags {
  const tags = new Map<string, Tag>()
  let count = 0
  return {
    add(tag) {
      const character = String.fromCodePoint(FIRST + (count++ % COUNT))
      tags.set(character, tag)
      return character
    },
    find: character => tags.get(character),
  }
}

/** The characters that stand for tags. */
export const TAG_CHARACTERS = /[\u{f0000}-\u{ffffd}]/gu

/** Removes the characters that would be taken for tags. */
export function withoutTags(text: string): string {
  return text.replace(TAG_CHARACTERS, '\ufffd')
}
