/**
 * Arithmetic on axis lengths that may be symbolic. A symbolic length is a string holding a polynomial with integer coefficients in symbols,
 * `floor(a/n)` and `max(a,b)`: `T`, `T*256+3`, `B*T`, `floor((S+1)/2)*4`. Results are in one normal form, so equal lengths are equal strings.
 */
import type { Dim } from './model.ts'

/** Monomial (its factors sorted and joined by a space; '' for the constant) → coefficient. */
type Polynomial = Map<string, number>

/** a + b */
export function addDims(a: Dim, b: Dim): Dim {
  return typeof a === 'number' && typeof b === 'number' ? a + b : format(combine(parse(a), parse(b), 1))
}

/** a − b */
export function subtractDims(a: Dim, b: Dim): Dim {
  return typeof a === 'number' && typeof b === 'number' ? a - b : format(combine(parse(a), parse(b), -1))
}

/** a · b */
export function multiplyDims(a: Dim, b: Dim): Dim {
  return typeof a === 'number' && typeof b === 'number' ? a * b : format(multiply(parse(a), parse(b)))
}

/** ⌊a / divisor⌋; the divisible part leaves the floor: ⌊(6·T + 3)/2⌋ is 3·T + 1. @throws {RangeError} if `divisor` is no positive integer */
export function floorDivideDims(a: Dim, divisor: number): Dim {
  if (!Number.isInteger(divisor) || divisor < 1) throw new RangeError(`floorDivideDims: divisor is ${divisor}, expected a positive integer`)
  if (typeof a === 'number') return Math.floor(a / divisor)
  return format(floorDivide(parse(a), divisor))
}

/** ⌈a / divisor⌉. @throws {RangeError} if `divisor` is no positive integer */
export function ceilDivideDims(a: Dim, divisor: number): Dim {
  return floorDivideDims(addDims(a, divisor - 1), divisor)
}

/** The larger of both. */
export function maxDims(a: Dim, b: Dim): Dim {
  const difference = subtractDims(a, b)
  if (typeof difference === 'number') return difference >= 0 ? a : b
  const [first, second] = [`${a}`, `${b}`].sort()
  return `max(${first},${second})`
}

/**
 * a / b where it is exact for every value of the symbols, else undefined. `b` may be a number or a single product such as `2*T`.
 */
export function divideDims(a: Dim, b: Dim): Dim | undefined {
  const divisor = [...parse(b)]
  if (divisor.length !== 1) return a === b ? 1 : undefined
  const [key, coefficient] = divisor[0]!
  const quotient: Polynomial = new Map()
  for (const [monomial, value] of parse(a)) {
    const factors = split(monomial)
    for (const factor of split(key)) {
      const at = factors.indexOf(factor)
      if (at < 0) return undefined
      factors.splice(at, 1)
    }
    if (value % coefficient !== 0) return undefined
    quotient.set(factors.join(' '), value / coefficient)
  }
  return format(quotient)
}

/** Product of lengths, 1 for []. */
export function productOfDims(dims: readonly Dim[]): Dim {
  return dims.reduce<Dim>(multiplyDims, 1)
}

/** True unless a and b differ for every value of their symbols, that is by a constant. */
export function mayEqual(a: Dim, b: Dim): boolean {
  if (a === b) return true
  const difference = subtractDims(a, b)
  return typeof difference !== 'number' || difference === 0
}

/** Shape as text: `[B, 80, T]`. */
export function formatShape(shape: readonly Dim[]): string {
  return `[${shape.join(', ')}]`
}

/** Checks a length that a caller wrote. @throws {RangeError} if it is neither a non-negative integer nor a readable expression */
export function checkDim(dim: Dim): Dim {
  if (typeof dim === 'number') {
    if (!Number.isInteger(dim) || dim < 0)
      throw new RangeError(`axis length ${dim}: expected a non-negative integer or a symbol such as "T"`)
    return dim
  }
  return format(parse(dim))
}

function split(monomial: string): string[] {
  return monomial === '' ? [] : monomial.split(' ')
}

function combine(a: Polynomial, b: Polynomial, sign: number): Polynomial {
  const sum = new Map(a)
  for (const [key, value] of b) sum.set(key, (sum.get(key) ?? 0) + sign * value)
  return sum
}

function multiply(a: Polynomial, b: Polynomial): Polynomial {
  const product: Polynomial = new Map()
  for (const [left, x] of a) {
    for (const [right, y] of b) {
      const key = [...split(left), ...split(right)].sort().join(' ')
      product.set(key, (product.get(key) ?? 0) + x * y)
    }
  }
  return product
}

function floorDivide(a: Polynomial, divisor: number): Polynomial {
  const quotient: Polynomial = new Map()
  const remainder: Polynomial = new Map()
  for (const [key, value] of a) {
    quotient.set(key, Math.floor(value / divisor))
    if (value % divisor !== 0) remainder.set(key, value - divisor * Math.floor(value / divisor))
  }
  if ([...remainder.keys()].every(key => key === '')) return quotient // a constant below the divisor
  const inner = format(remainder)
  const atom = `floor(${/[+-]/.test(`${inner}`) ? `(${inner})` : inner}/${divisor})`
  return combine(quotient, new Map([[atom, 1]]), 1)
}

function format(polynomial: Polynomial): Dim {
  const terms = [...polynomial].filter(([, value]) => value !== 0)
  if (terms.every(([key]) => key === '')) return terms[0]?.[1] ?? 0
  terms.sort(([a], [b]) => split(b).length - split(a).length || (a < b ? -1 : 1))
  const text = terms.map(([key, value]) => {
    const size = Math.abs(value)
    const factors = size === 1 && key !== '' ? split(key) : [...split(key), `${size}`]
    return (value < 0 ? '-' : '+') + factors.join('*')
  })
  return text.join('').replace(/^\+/, '')
}

function parse(dim: Dim): Polynomial {
  if (typeof dim === 'number') return new Map([['', dim]])
  const tokens = dim.match(/\d+|[A-Za-z_]\w*|\S/g) ?? []
  let at = 0
  const fail = (): never => {
    throw new RangeError(`axis length "${dim}": expected symbols, integers, + - *, floor(a/n) or max(a,b)`)
  }
  const expect = (token: string) => (tokens[at] === token ? at++ : fail())
  const sum = (): Polynomial => {
    let total = product()
    while (tokens[at] === '+' || tokens[at] === '-') total = combine(total, product(tokens[at++]), 1)
    return total
  }
  const product = (sign?: string): Polynomial => {
    let result = factor()
    while (tokens[at] === '*') {
      at++
      result = multiply(result, factor())
    }
    return sign === '-' ? multiply(result, new Map([['', -1]])) : result
  }
  const factor = (): Polynomial => {
    const token = tokens[at++] ?? fail()
    if (/^\d/.test(token)) return new Map([['', Number(token)]])
    if (token === '-') return multiply(factor(), new Map([['', -1]]))
    if (token === '(') {
      const inner = sum()
      expect(')')
      return inner
    }
    if (!/^[A-Za-z_]/.test(token)) fail()
    if (tokens[at] !== '(' || (token !== 'floor' && token !== 'max')) return new Map([[token, 1]])
    at++
    const first = sum()
    expect(token === 'floor' ? '/' : ',')
    const second = sum()
    expect(')')
    if (token === 'max') return parseResult(maxDims(format(first), format(second)))
    const divisor = format(second)
    return floorDivide(first, typeof divisor === 'number' && divisor > 0 ? divisor : fail())
  }
  const result = sum()
  return at === tokens.length ? result : fail()
}

/** `max(…)` stays one factor; anything simpler is read as usual. */
function parseResult(dim: Dim): Polynomial {
  return typeof dim === 'string' && dim.startsWith('max(') ? new Map([[dim, 1]]) : parse(dim)
}
