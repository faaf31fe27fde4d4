import { describe, expect, it } from 'vitest'
import { toSrt, toVtt } from './captions.ts'
import type { Word } from './word-times.ts'

const word = (text: string, startSeconds: number, endSeconds: number): Word => ({ text, startSeconds, endSeconds })
const words = [word('Hello', 0.1, 0.5), word('there', 0.5, 0.9), word('Bye', 1.4, 3661.0005)]

describe('captions', () => {
  it('say when each group of words is spoken; a pause ends a group', () => {
    expect(toSrt(words)).toBe('1\n00:00:00,100 --> 00:00:00,900\nHello there\n\n2\n00:00:01,400 --> 01:01:01,001\nBye\n')
    expect(toVtt(words)).toBe('WEBVTT\n\n00:00:00.100 --> 00:00:00.900\nHello there\n\n00:00:01.400 --> 01:01:01.001\nBye\n')
  })

  it('have at most two lines of 42 characters and 7 seconds, and lose no word', () => {
    const many = Array.from({ length: 60 }, (_, i) => word(`word${i}`, i * 0.5, i * 0.5 + 0.4))
    const cues = toSrt(many)
      .trim()
      .split('\n\n')
      .map(cue => cue.split('\n').slice(2))
    for (const lines of cues) {
      expect(lines.length).toBeLessThanOrEqual(2)
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(42)
    }
    expect(cues.flat().join(' ')).toBe(many.map(({ text }) => text).join(' '))
    expect(cues.length).toBeGreaterThanOrEqual(Math.floor(30 / 7))
  })

  it('show the text as it is written: punctuation, quotes, and no space where there is none', () => {
    const said = [
      { ...word('said', 0, 0.3), written: 'said, ' },
      { ...word('Hello', 0.3, 0.6), written: '“Hello!” ' },
      { ...word('and', 0.6, 0.8), written: 'and/' },
      word('or', 0.8, 0.9),
    ]
    expect(toSrt(said)).toContain('\nsaid, “Hello!” and/or\n')
  })

  it('are empty for no words, and escape what WebVTT reserves', () => {
    expect(toSrt([])).toBe('')
    expect(toVtt([])).toBe('WEBVTT\n')
    expect(toVtt([word('R&D', 0, 1), word('<b>', 1, 2)])).toContain('R&amp;D &lt;b&gt;')
  })
})
