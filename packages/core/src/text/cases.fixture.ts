import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { normalize, toSpokenText } from './normalize.ts'
import type { Phonemizer } from './phonemize.ts'
import { segment } from './segment.ts'

/** One text of `test/fixtures/text/CATEGORY.jsonl`, with how a person reads it. */
export interface TextCase {
  readonly category: string
  readonly text: string
  /** One reading or several, any of which is right; compared without case, punctuation and hyphens. */
  readonly spoken?: string | readonly string[]
  /** Or the sentences that it is cut into. */
  readonly sentences?: readonly string[]
  /** Or how one word sounds: IPA, one of several; null is what espeak-ng says by itself. Compared without stress and length where it has no stress. */
  readonly word?: string
  readonly ipa?: string | readonly string[] | null
}

/** What the front-end made of a case. */
export interface CaseResult {
  readonly case: TextCase
  readonly passes: boolean
  readonly got: string
}

const FOLDER = fileURLToPath(new URL('../../../../test/fixtures/text/', import.meta.url))

/** Cases of the categories whose files say `spoken` or `sentences`, in order of file and line. */
export function readTextCases(folder = FOLDER): TextCase[] {
  return readAll(folder).filter(({ spoken, sentences }) => spoken !== undefined || sentences !== undefined)
}

function readAll(folder: string): TextCase[] {
  return readdirSync(folder)
    .filter(name => name.endsWith('.jsonl'))
    .sort()
    .flatMap(name =>
      readFileSync(`${folder}/${name}`, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => ({ ...(JSON.parse(line) as Omit<TextCase, 'category'>), category: name.replace('.jsonl', '') })),
    )
}

/** Reads or cuts the text of a case and compares. */
export function checkTextCase(textCase: TextCase): CaseResult {
  const { text, spoken, sentences } = textCase
  if (sentences) {
    const got = segment(text).map(sentence => sentence.text)
    return { case: textCase, passes: JSON.stringify(got) === JSON.stringify(sentences), got: got.join(' | ') }
  }
  const got = toSpokenText(normalize(text).tokens)
  return { case: textCase, passes: [spoken ?? []].flat().some(reading => compared(reading) === compared(got)), got }
}

const compared = (reading: string) =>
  reading
    .toLowerCase()
    .replaceAll("'s", 's')
    .replace(/[^\p{L}\p{M}\p{N}]+/gu, ' ')
    .trim()

/** Cases of the categories whose files say how one word sounds. */
export function readSoundCases(folder = FOLDER): TextCase[] {
  return readAll(folder).filter(({ word }) => word !== undefined)
}

/** Phonemizes the text of a case and compares the word. */
export async function checkSoundCase(textCase: TextCase, phonemizer: Phonemizer): Promise<CaseResult> {
  const { text, word = '', ipa } = textCase
  const { units } = await phonemizer.phonemize(text)
  const unit = units.find(unit => unit.kind === 'word' && unit.text.toLowerCase() === word.toLowerCase())
  const got = unit?.kind === 'word' ? unit.phonemes : ''
  const bare = (sounds: string) => sounds.replace(/[ˈˌː ]/g, '')
  const passes = ipa === null || [ipa ?? []].flat().some(expected => (/ˈ/.test(expected) ? got === expected : bare(got) === expected))
  return { case: textCase, passes, got }
}
