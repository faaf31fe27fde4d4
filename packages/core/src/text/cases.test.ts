import { describe, expect, it } from 'vitest'
import { checkTextCase, readTextCases } from './cases.fixture.ts'

const results = readTextCases().map(checkTextCase)

describe('the collection of texts', () => {
  it.each([...new Set(results.map(result => result.case.category))])('%s: 97 of 100 are read as expected', category => {
    const own = results.filter(result => result.case.category === category)
    const failed = own.filter(result => !result.passes).map(({ case: { text }, got }) => `${text} → ${got}`)
    expect(failed.length / own.length, failed.join('\n')).toBeLessThanOrEqual(0.03)
  })

  it('has more than 600 texts, each once', () => {
    expect(results.length).toBeGreaterThan(600)
    for (const category of new Set(results.map(result => result.case.category))) {
      const texts = results.filter(result => result.case.category === category).map(result => result.case.text)
      expect(new Set(texts).size, category).toBe(texts.length)
    }
  })
})
