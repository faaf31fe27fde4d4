/**
 * `pnpm bench:text [normalize | segment]`: whether reading and cutting take time in proportion to the length of the text. Each row is one unit of text, repeated to 10,000 and to
 * 100,000 characters; the long text may take at most {@link RATIO_LIMIT} times as long as the short one ten times (1 is proportional, 10 is the square). Fails otherwise.
 */
import { readHomographs } from '../src/text/homographs.ts'
import { createLexicon } from '../src/text/lexicon.ts'
import { normalize } from '../src/text/normalize.ts'
import { segment, segmentStream } from '../src/text/segment.ts'
import { createTagger } from '../src/text/tagger.ts'

const UNITS = [
  'In 1984, Dr. Smith paid $3.50. ',
  'At 5 p.m. on Jan. 5 we drove 5 km/h, i.e. 1/2 of 10%. ',
  ...[
    'x',
    '1',
    '1,',
    '1-',
    '1/',
    '1 ',
    '1:',
    '1.',
    '2 000 ',
    'a.',
    'a@',
    'a/',
    'a-',
    'a<',
    '/a',
    '\\',
    '$',
    '$1',
    '#',
    '<',
    '<a ',
    '(',
    '"',
    "'",
    '\n',
    ' ',
  ],
  ...[
    'A',
    'A.',
    'AA ',
    '[a](',
    '[pause',
    '`',
    '|',
    '-',
    '- ',
    '=',
    '&',
    '&a',
    '^',
    '~',
    'é\u0301',
    '你',
    '\ud800',
    'http://',
    'V',
    '½',
    '1½',
  ],
  ...['word ', '.', '. ', 'x.\n', '1. ', '!"', 'Jan ', 'α', '👍'],
]
const RATIO_LIMIT = 3
/** Below this the clock and the collector say more than the code. */
const MIN_MILLISECONDS = 20

async function cut(text: string): Promise<void> {
  segment(text)
  for await (const _ of segmentStream(text.match(/[\s\S]{1,4}/g) ?? [])) void _
}

async function milliseconds(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now()
  await work()
  return performance.now() - started
}

async function readAll(work: (text: string) => unknown, texts: readonly string[]): Promise<void> {
  for (const text of texts) await work(text)
}

const lexicon = createLexicon({ word: 'word' })
const works: readonly (readonly [string, (text: string) => unknown])[] = [
  ['normalize', text => normalize(text, { lexicon })],
  ['segment', cut],
]
let worst = 0
const [only] = process.argv.slice(2)
for (const [name, work] of works) {
  if (only && only !== name) continue
  for (const unit of UNITS) {
    const [short, long] = [10_000, 100_000].map(length => unit.repeat(length / unit.length)) as [string, string]
    const [tenShort, oneLong] = [new Array<string>(10).fill(short), [long]]
    let [before, after] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY]
    for (let round = 0; round < 2; round++) {
      before = Math.min(before, await milliseconds(() => readAll(work, tenShort)))
      after = Math.min(after, await milliseconds(() => readAll(work, oneLong)))
    }
    const ratio = after / Math.max(before, MIN_MILLISECONDS)
    worst = Math.max(worst, ratio)
    const verdict = ratio > RATIO_LIMIT ? '  NOT LINEAR' : ''
    process.stdout.write(
      `${name} ${JSON.stringify(unit).padEnd(30)} ${before.toFixed(1)} → ${after.toFixed(1)} ms, ${ratio.toFixed(1)} times${verdict}\n`,
    )
  }
}

const sentence = 'They refuse to record the sound of the wind close to the house where we live , and object to every permit .'.split(' ')
await using tagger = createTagger()
const tag = (count: number) => readHomographs(new Array<string[]>(count).fill(sentence), tagger)
const [first, , one, ten] = [
  await milliseconds(() => tag(1)),
  await milliseconds(() => tag(1000)),
  await milliseconds(() => tag(100)),
  await milliseconds(() => tag(1000)),
]
process.stdout.write(
  `homographs: ${first.toFixed(0)} ms to load and for the first sentence, then ${(ten / 1000).toFixed(2)} ms a sentence; ${(ten / one).toFixed(1)} times for ten times as many\n`,
)
if (worst > RATIO_LIMIT) process.exitCode = 1
