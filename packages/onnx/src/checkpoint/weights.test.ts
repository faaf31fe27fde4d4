import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CheckpointError } from '../errors.ts'
import { createTensor, float32Tensor, type Tensor } from '../tensor.ts'
import { readCheckpoint } from './checkpoint.ts'
import { toSafetensors } from './safetensors.ts'
import { createWeights, loadWeights } from './weights.ts'

const fixtures = join(import.meta.dirname, '../../../../test/fixtures/checkpoint')
const one = float32Tensor([1], [1])

function codeOf(action: () => unknown): string {
  try {
    action()
  } catch (error) {
    if (error instanceof CheckpointError) return error.code
    throw error
  }
  return 'no error'
}

/** Weights of a state dict as a safetensors file would give them. */
function weightsOfFile(tensors: Record<string, Tensor>, nesting?: readonly string[]) {
  return loadWeights(readCheckpoint(toSafetensors(tensors)), nesting ? { nesting } : {})
}

describe('weight norm', () => {
  it.each(['weight-norm-old.pt', 'weight-norm-new.pt'])('%s folds to what PyTorch folds, in convolutions of every kind', file => {
    const folded = loadWeights(join(fixtures, 'weight-norm-folded.pt'))
    const weights = loadWeights(join(fixtures, file))
    expect([...weights.names].sort()).toEqual([...folded.names].sort())
    for (const name of folded.names) {
      expect(weights.shape(name)).toEqual(folded.shape(name))
      const wanted = folded.get(name).data
      // Both divide in float64; the order of two roundings differs.
      for (const [i, value] of weights.get(name).data.entries())
        expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(2 ** -23 * Math.abs(wanted[i]!))
    }
  })

  it('gives rows of norm |g| for any v', () => {
    const value = fc.float({ min: Math.fround(0.01), max: 100, noNaN: true })
    fc.assert(
      fc.property(fc.array(fc.tuple(value, value, value), { minLength: 1, maxLength: 8 }), rows => {
        const n = rows.length
        const weights = createWeights({
          weight_g: float32Tensor(
            rows.map(([g]) => g),
            [n, 1, 1],
          ),
          weight_v: float32Tensor(
            rows.flatMap(([, a, b]) => [a, -b]),
            [n, 1, 2],
          ),
        })
        const { data } = weights.get('weight', [n, 1, 2])
        for (const [row, [g]] of rows.entries()) expect(Math.hypot(data[2 * row]!, data[2 * row + 1]!) / g).toBeCloseTo(1, 5)
      }),
    )
  })

  it('follows g along another dimension, as wav2vec-like modules have it', () => {
    const weights = createWeights({ weight_g: float32Tensor([5, 10], [1, 2]), weight_v: float32Tensor([3, 0, 4, 2], [2, 2]) })
    expect([...weights.get('weight').data].map(value => Math.round(value * 1e5) / 1e5)).toEqual([3, 0, 4, 10])
  })

  it('refuses a g that does not fit and an all-zero row', () => {
    const v = float32Tensor([1, 2, 3, 4], [2, 2])
    expect(codeOf(() => createWeights({ weight_g: float32Tensor([1, 2, 3], [3, 1]), weight_v: v }).get('weight'))).toBe('shape-mismatch')
    const zero = createWeights({ weight_g: float32Tensor([1, 2], [2, 1]), weight_v: float32Tensor([1, 2, 0, 0], [2, 2]) })
    expect(codeOf(() => zero.get('weight'))).toBe('degenerate-weight-norm')
  })

  it('leaves half a pair alone', () => {
    expect(createWeights({ weight_g: one }).names).toEqual(['weight_g'])
  })
})

describe('loadWeights', () => {
  it('refuses discriminators, optimizers and whole modules with advice', () => {
    for (const file of ['do_00000001.pt', 'optimizer.pt', 'discriminator.pt', 'module.pt'])
      expect(
        codeOf(() => loadWeights(join(fixtures, file))),
        file,
      ).toBe('no-weights')
    expect(() => loadWeights(join(fixtures, 'do_00000001.pt'))).toThrow(/take the generator's file/)
    expect(() => loadWeights(join(fixtures, 'optimizer.pt'))).toThrow(/optimizer/)
    expect(() => loadWeights(join(fixtures, 'module.pt'))).toThrow(/"torch.nn.modules.linear.Linear".*state_dict/)
    expect(codeOf(() => weightsOfFile({ 'module.mpd.convs.0.weight': one }))).toBe('no-weights')
    expect(codeOf(() => weightsOfFile({}))).toBe('no-weights')
  })

  it('strips a wrapper prefix only if every name has it, and repeatedly', () => {
    expect(weightsOfFile({ 'module._orig_mod.generator.a': one, 'module._orig_mod.generator.b.c': one }).names).toEqual(['a', 'b.c'])
    expect(weightsOfFile({ 'module.a': one, 'model.b': one }).names).toEqual(['model.b', 'module.a'])
    expect(weightsOfFile({ 'model.': one }).names).toEqual(['model.'])
  })

  it('looks only where nesting says', () => {
    expect(codeOf(() => loadWeights(join(fixtures, 'weight-norm-old.pt'), { nesting: ['model_g', ''] }))).toBe('no-weights')
    expect(loadWeights(join(fixtures, 'weight-norm-old.pt'), { nesting: ['model_g', 'generator'] }).has('conv.weight')).toBe(true)
    expect(loadWeights(join(fixtures, 'discriminator.pt'), { nesting: ['model.discriminator'] }).has('conv.weight')).toBe(true)
    expect(weightsOfFile({ a: one }, ['']).names).toEqual(['a'])
  })
})

describe('Weights', () => {
  it('converts every element type to float32', () => {
    const weights = createWeights({
      half: createTensor('float16', Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff, 0xfc00, 0x8000), [6]),
      double: createTensor('float64', Float64Array.of(0.1), [1]),
      long: createTensor('int64', BigInt64Array.of(-3n), []),
      flag: createTensor('bool', Uint8Array.of(1, 0), [2]),
    })
    expect([...weights.get('half').data]).toEqual([1, -2, 2 ** -24, 65504, Number.NEGATIVE_INFINITY, -0])
    expect([...weights.get('double').data]).toEqual([Math.fround(0.1)])
    expect([...weights.get('long').data]).toEqual([-3])
    expect([...weights.get('flag').data]).toEqual([1, 0])
    expect(weights.raw('half').dtype).toBe('float16')
  })

  it('dequantizes int8 rows by their scales, which are not listed but can be had', () => {
    const codes = createTensor('int8', Int8Array.of(-128, 127, 1, 0, 2, -2), [2, 3])
    const weights = weightsOfFile({ 'a.weight': codes, 'a.weight.scale': float32Tensor([0.5, 2], [2]), 'b.scale': one })
    expect(weights.names).toEqual(expect.arrayContaining(['a.weight', 'b.scale']))
    expect(weights.names).toHaveLength(2)
    expect(weights.get('a.weight', [2, 3])).toEqual(float32Tensor([-64, 63.5, 0.5, 0, 4, -4], [2, 3]))
    expect(weights.raw('a.weight')).toEqual(codes)
    expect([...(weights.raw('a.weight.scale').data as Float32Array)]).toEqual([0.5, 2])
    expect(codeOf(() => weightsOfFile({ a: codes, 'a.scale': one }))).toBe('shape-mismatch')
  })

  it('says what is missing and which names are near', () => {
    const weights = createWeights({ 'conv_pre.bias': one, other: one }, 'g.pt')
    expect(codeOf(() => weights.get('conv_pre.weight'))).toBe('missing-tensor')
    expect(() => weights.shape('conv_pre.weight')).toThrow(/g\.pt: has no tensor "conv_pre\.weight".*such as "conv_pre\.bias"/)
  })

  it('checks shapes, and any size where undefined stands', () => {
    const weights = createWeights({ w: float32Tensor(new Float32Array(6), [2, 3]) })
    expect(weights.get('w', [2, undefined]).shape).toEqual([2, 3])
    for (const shape of [[3, 2], [2], [2, 3, 1]]) expect(codeOf(() => weights.get('w', shape))).toBe('shape-mismatch')
    expect(() => weights.get('w', [undefined, 4])).toThrow(/is \[2, 3\], expected \[any, 4\]/)
  })

  it('scopes share what has been read', () => {
    const weights = createWeights({ 'a.b.x': one, 'a.b.y': one, 'a.c': one, ab: one })
    const scope = weights.scope('a').scope('b')
    expect([scope.names, weights.scope('a').names, weights.scope('').names.length]).toEqual([['x', 'y'], ['b.x', 'b.y', 'c'], 4])
    scope.get('x')
    weights.raw('a.c')
    weights.shape('ab')
    expect([weights.unread(), scope.unread()]).toEqual([['a.b.y', 'ab'], ['y']])
    expect([scope.has('x'), scope.has('a.b.x')]).toEqual([true, false])
  })

  it('returns tied weights as one object', () => {
    const shared = float32Tensor([1, 2], [2])
    const half = createTensor('float16', Uint16Array.of(0x3c00), [1])
    const weights = createWeights({ a: shared, b: shared, c: float32Tensor([1, 2], [2]), d: half, e: half })
    expect(weights.get('a')).toBe(weights.get('b'))
    expect(weights.get('a')).not.toBe(weights.get('c'))
    expect(weights.get('d')).toBe(weights.get('e'))
  })
})

describe('damaged tensors', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])(
    '%s is refused by the name of the tensor and the element',
    value => {
      for (const weights of [
        createWeights({ 'a.weight': float32Tensor([1, value], [2]) }, 'a', { finite: true }),
        loadWeights(readCheckpoint(toSafetensors({ 'a.weight': createTensor('float64', Float64Array.of(1, value), [2]), 'b.bias': one })), {
          finite: true,
        }),
        createWeights({ 'a.weight_g': float32Tensor([1, value], [2, 1]), 'a.weight_v': float32Tensor([1, 1], [2, 1]) }, 'a', {
          finite: true,
        }),
      ]) {
        expect(() => weights.get('a.weight')).toThrow(/"a\.weight" has (NaN|-?Infinity) at element 1/)
        expect(codeOf(() => weights.scope('a').raw('weight'))).toBe('non-finite-weight')
      }
    },
  )

  it('a byte that does not fit the checksum of a zip is refused by the name of the tensor; other tensors are read', () => {
    const bytes = readFileSync(join(fixtures, 'weight-norm-new.pt'))
    const sound = loadWeights(readCheckpoint(bytes))
    const header = bytes.indexOf('/data/0', 'latin1') // the name of the first storage, in its local header
    const start = header + '/data/0'.length + bytes.readUInt16LE(bytes.lastIndexOf('PK\x03\x04', header, 'latin1') + 28)
    bytes[start]! ^= 1
    const weights = loadWeights(readCheckpoint(bytes))
    const failing = weights.names.filter(name => codeOf(() => weights.get(name)) !== 'no error')
    expect(failing).toHaveLength(1)
    expect(codeOf(() => weights.get(failing[0]!))).toBe('wrong-checksum')
    expect(() => weights.get(failing[0]!)).toThrow(`"${failing[0]}" cannot be read`)
    for (const name of weights.names) if (name !== failing[0]) expect(weights.get(name)).toEqual(sound.get(name))
  })

  it('a checksum of 0, as torch.save writes where it computes none, is not checked', () => {
    const bytes = readFileSync(join(fixtures, 'weight-norm-new.pt'))
    for (let at = bytes.indexOf('PK\x01\x02', 0, 'latin1'); at >= 0; at = bytes.indexOf('PK\x01\x02', at + 1, 'latin1'))
      bytes.writeUInt32LE(0, at + 16)
    const weights = loadWeights(readCheckpoint(bytes))
    for (const name of weights.names) expect(weights.get(name).data.length).toBeGreaterThan(0)
  })
})
