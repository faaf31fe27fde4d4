import { describe, expect, it } from 'vitest'
import { createPhonemizer } from './phonemize.ts'
import { writtenWords } from './written.ts'

/** Each word is spoken as itself. */
const phonemizer = createPhonemizer({ pronouncer: { pronounce: async clauses => [...clauses], async [Symbol.asyncDispose]() {} } })

async function shown(text: string): Promise<string> {
  const { units } = await phonemizer.phonemize(text)
  const written = writtenWords(text, units)
  return units.flatMap(unit => (unit.kind === 'word' ? [written.get(unit) ?? `${unit.text} `] : [])).join('')
}

describe('words as they are written', () => {
  it.each([
    'He said, “Hello (again)!” and went… home.',
    'It costs $3.50, or 2 for $6; buy now - and/or later?',
    'Well-known R&D: 50% more, no. 5!',
    "'Tis the dogs' day — isn't it",
  ])('are the text again when joined: %s', async text => {
    expect(await shown(text)).toBe(`${text} `)
  })

  it('show nothing of markup', async () => {
    expect(await shown('I [pause 0.4s] say [mynah](/mˈaɪnə/), twice.')).toBe('I say mynah, twice. ')
  })
})
