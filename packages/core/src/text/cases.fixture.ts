import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { normalize, toSpokenText } from './normalize.ts'
import { segment } from './segment.ts'

/** One text of `test/fixtures/text/CATEGORY.jsonl`, with how a person reads it. */
export interface TextCase {
  readonly category: string
  readonly text: string
  /** One reading or several, any of which is right; compared without case, punctuation and hyphens. */
  readonly spoken?: string | readonly string[]
  /** Or the sentences that it is cut into. */
  readonly sentences?: readonly string[]
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
  return readdirSync(folder)
    .filter(name => name.endsWith('.jsonl'))
    .sort()
    .flatMap(name =>
      readFileSync(`${folder}/${name}`, 'utf8')
        .split('\n')
        .filter(line => line !== '')
        .map(line => ({ ...(JSON.parse(line) as Omit<TextCase, 'category'>), category: name.replace('.jsonl', '') })),
    )
    .filter(({ spoken, sentences }) => spoken !== undefined || sentences !== undefined)
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
