import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { addDims, ceilDivideDims, checkDim, divideDims, floorDivideDims, maxDims, mayEqual, multiplyDims, subtractDims } from './dims.ts'
import type { Dim } from './model.ts'
import { evaluateDim } from './run.fixture.ts'

const symbols = { B: 3, T: 17, S: 8 }

/** Random expressions built by the operations themselves, with the number that they stand for. */
const expression = fc.letrec<{ dim: { dim: Dim; value: number } }>(tie => ({
  dim: fc.oneof(
    { maxDepth: 4, depthIdentifier: 'dim' },
    fc.integer({ min: 0, max: 12 }).map(value => ({ dim: value, value })),
    fc.constantFrom(...(['B', 'T', 'S'] as const)).map(name => ({ dim: name, value: symbols[name] })),
    fc.tuple(tie('dim'), tie('dim'), fc.constantFrom('+', '-', '*', 'max')).map(([a, b, operator]) => {
      if (operator === '+') return { dim: addDims(a.dim, b.dim), value: a.value + b.value }
      if (operator === '-') return { dim: subtractDims(a.dim, b.dim), value: a.value - b.value }
      if (operator === '*') return { dim: multiplyDims(a.dim, b.dim), value: a.value * b.value }
      return { dim: maxDims(a.dim, b.dim), value: Math.max(a.value, b.value) }
    }),
    fc.tuple(tie('dim'), fc.integer({ min: 1, max: 9 }), fc.boolean()).map(([a, divisor, up]) => ({
      dim: up ? ceilDivideDims(a.dim, divisor) : floorDivideDims(a.dim, divisor),
      value: up ? Math.ceil(a.value / divisor) : Math.floor(a.value / divisor),
    })),
  ),
})).dim

describe('arithmetic on symbolic lengths', () => {
  it('gives expressions that evaluate to what the operations give on numbers', () => {
    fc.assert(fc.property(expression, ({ dim, value }) => Math.abs(evaluateDim(dim, symbols) - value) < 0.5))
  })

  it('is a normal form: reading an expression back changes nothing', () => {
    fc.assert(
      fc.property(expression, ({ dim }) => {
        fc.pre(typeof dim === 'string')
        expect(addDims(dim, 0)).toBe(dim)
      }),
    )
  })

  it('does not depend on the order of addition and multiplication', () => {
    fc.assert(
      fc.property(expression, expression, ({ dim: a }, { dim: b }) => {
        expect(addDims(a, b)).toBe(addDims(b, a))
        expect(multiplyDims(a, b)).toBe(multiplyDims(b, a))
        expect(subtractDims(addDims(a, b), b)).toBe(addDims(a, 0))
      }),
    )
  })

  it('stays readable', () => {
    expect(multiplyDims(addDims('T', -1), 256)).toBe('T*256-256')
    expect(floorDivideDims(addDims(multiplyDims('T', 6), 3), 2)).toBe('T*3+1')
    expect(floorDivideDims(addDims('S', 1), 2)).toBe('floor((S+1)/2)')
    expect(divideDims('B*T*4', 'T*2')).toBe('B*2')
    expect(divideDims('T', 2)).toBeUndefined()
  })

  it('knows when two lengths can never be equal', () => {
    expect(mayEqual('T+1', 'T')).toBe(false)
    expect(mayEqual('T', 'S')).toBe(true)
    expect(mayEqual('T', 5)).toBe(true)
    expect(mayEqual(4, 5)).toBe(false)
  })

  it.each([-1, 1.5, 'T+', 'a b', 'floor(T/0)', 'T/2', ''])('refuses %j as a length', dim => {
    expect(() => checkDim(dim)).toThrow(RangeError)
  })
})
