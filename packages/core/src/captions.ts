import type { Word } from './word-times.ts'

/** Subtitles are read at 42 characters a line (BBC and Netflix style guides), two lines at a time, and no longer than 7 seconds. */
const lineCharacters = 42
const maxCueSeconds = 7
/** A pause of this length between two words ends a cue: so does a sentence. */
const pauseSeconds = 0.35

interface Cue {
  readonly lines: readonly string[]
  readonly startSeconds: number
  readonly endSeconds: number
}

/** SubRip captions of words. */
export function toSrt(words: readonly Word[]): string {
  return cuesOf(words)
    .map(
      ({ lines, startSeconds, endSeconds }, i) =>
        `${i + 1}\n${timeOf(startSeconds, ',')} --> ${timeOf(endSeconds, ',')}\n${lines.join('\n')}\n`,
    )
    .join('\n')
}

/** WebVTT captions of words: W3C WebVTT. */
export function toVtt(words: readonly Word[]): string {
  const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
  const cues = cuesOf(words).map(
    ({ lines, startSeconds, endSeconds }) =>
      `${timeOf(startSeconds, '.')} --> ${timeOf(endSeconds, '.')}\n${lines.map(escaped).join('\n')}\n`,
  )
  return ['WEBVTT\n', ...cues].join('\n')
}

function cuesOf(words: readonly Word[]): Cue[] {
  const groups: Word[][] = []
  for (const word of words) {
    if (word.text === '') continue // a mark
    const group = groups.at(-1)
    const last = group?.at(-1)
    const fits =
      group &&
      last &&
      word.startSeconds - last.endSeconds < pauseSeconds &&
      word.endSeconds - group[0]!.startSeconds <= maxCueSeconds &&
      linesOf([...group, word]).length <= 2
    if (fits) group.push(word)
    else groups.push([word])
  }
  return groups.map(group => ({ lines: linesOf(group), startSeconds: group[0]!.startSeconds, endSeconds: group.at(-1)!.endSeconds }))
}

/** Words in lines, with their punctuation; one that is longer than a line has a line of its own. */
function linesOf(words: readonly Word[]): string[] {
  const lines: string[] = []
  for (const { text, written = `${text} ` } of words) {
    const line = lines.at(-1)
    const glued = line !== undefined && !line.endsWith(' ')
    if (line !== undefined && (glued || line.length + written.trimEnd().length <= lineCharacters)) lines[lines.length - 1] = line + written
    else lines.push(written.replaceAll(/\s+/g, ' '))
  }
  return lines.map(line => line.trimEnd())
}

/** hh:mm:ss.mmm */
function timeOf(seconds: number, point: string): string {
  const total = Math.round(seconds * 1000)
  const digits = (value: number, count = 2) => String(Math.floor(value)).padStart(count, '0')
  return `${digits(total / 3_600_000)}:${digits((total / 60_000) % 60)}:${digits((total / 1000) % 60)}${point}${digits(total % 1000, 3)}`
}
