import { describe, expect, it } from 'vitest'
import { LAYOUT } from './layout.ts'
import { RULES } from './rule-table.ts'

/** Repetitions without an upper bound: `*`, `+` and `{2,}` outside of classes and escapes. */
const unbounded = (pattern: RegExp) =>
  pattern.source
    .replace(/\\./g, '')
    .replace(/\[[^\]]*\]/g, '')
    .match(/[*+]|\{\d+,\}/g) ?? []

describe('the rule table', () => {
  it('has no repetition without a bound, so that a text takes time in proportion to its length', () => {
    const patterns = [
      ...RULES.map(rule => [rule.name, rule.pattern] as const),
      ...LAYOUT.map(pattern => [pattern.source, pattern] as const),
    ]
    expect(patterns.filter(([, pattern]) => unbounded(pattern).length > 0).map(([name]) => name)).toEqual([])
  })

  it('has sticky patterns and one rule by each name', () => {
    for (const { name, pattern } of RULES) expect(pattern.sticky, name).toBe(true)
    expect(new Set(RULES.map(rule => rule.name)).size).toBe(RULES.length)
  })
})
