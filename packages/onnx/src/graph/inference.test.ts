import { describe, expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { createTensor, float32Tensor, int64Tensor, type Tensor } from '../tensor.ts'
import { GraphBuilder } from './graph.ts'
import type { Value } from './model.ts'
import { evaluateDim, randomTensor, runGraph } from './run.fixture.ts'

const random = createRandom(10)
const symbols = { B: 2, T: 11 }
const weight = (...shape: number[]) => randomTensor(random, shape)

/** Builds outputs from x [B, 6, T] and ids [B, T], which run as [2, 6, 11] and [2, 11]. */
type Build = (graph: GraphBuilder, x: Value, ids: Value) => Value | readonly Value[]

const cases: Record<string, Build> = {
  'element-wise with broadcasting': (g, x) => [
    g.add(x, g.constant([1], 'float32')),
    g.mul(x, g.initializer('column', weight(6, 1))),
    g.pow(x, 2),
  ],
  'unary operators': (g, x) => [g.gelu(x), g.clip(x, -1, undefined), g.abs(x), g.softmax(x, 1), g.logSoftmax(x), g.cumSum(x, 2)],
  comparisons: (g, x) => [g.where(g.less(x, 0), 0, x), g.not(g.greaterOrEqual(x, 1)), g.and(g.less(x, 0), g.greater(x, -1))],
  reductions: (g, x) => [
    g.reduceMean(x, [1, 2]),
    g.reduceSum(x, [1], false),
    g.reduceMax(x, [-1], false),
    g.argMax(x, 1),
    g.argMax(x, 2, true),
  ],
  'a full reduction': (g, x) => g.node('ReduceSum', [x], { keepdims: 0 }),
  topK: (g, x) => Object.values(g.topK(x, 4, 1)),
  matmul: (g, x) => g.matmul(x, g.transpose(x, [0, 2, 1])),
  gemm: (g, x) => g.gemm(g.reduceSum(x, [2], false), g.initializer('w', weight(5, 6)), g.initializer('b', weight(5)), { transB: true }),
  'strided convolution': (g, x) => g.conv(x, g.initializer('w', weight(4, 6, 5)), undefined, { stride: 3, pads: [2, 1] }),
  'dilated depthwise convolution': (g, x) => g.conv(x, g.initializer('w', weight(6, 1, 3)), undefined, { dilation: 3, groups: 6, pads: 3 }),
  'two-dimensional convolution': (g, x) =>
    g.conv(g.unsqueeze(x, [1]), g.initializer('w', weight(3, 1, 3, 5)), undefined, { stride: [2, 3], pads: [1, 2, 1, 2] }),
  'transposed convolution': (g, x) =>
    g.convTranspose(x, g.initializer('w', weight(6, 2, 10)), undefined, { stride: 5, pads: 3, outputPadding: 1, groups: 2 }),
  'average pooling': (g, x) => g.node('AveragePool', [x], { kernel_shape: [4], strides: [4] }),
  normalizations: (g, x) => {
    const six = g.initializer('six', weight(6))
    const frames = g.transpose(x, [0, 2, 1])
    const positive = g.initializer('positive', float32Tensor([1, 2, 3, 4, 5, 6], [6]))
    const batch = g.node('BatchNormalization', [x, six, six, six, positive])
    return [g.instanceNormalization(x, six, six), g.layerNormalization(frames, six, six), batch]
  },
  reshape: (g, x) => [g.reshape(x, [0, 2, 3, -1]), g.reshape(x, [-1]), g.reshape(x, [0, -1]), g.reshape(x, [g.lengthOf(x, 0), 3, 2, -1])],
  'reshape by a computed shape': (g, x) => g.reshape(g.mul(x, 1), [g.lengthOf(x, 0), g.mul(g.lengthOf(x, 2), 2), 3]),
  'transpose, unsqueeze and squeeze': (g, x) => g.squeeze(g.unsqueeze(g.transpose(x, [2, 0, 1]), [0, 2]), [0]),
  concat: (g, x) => [g.concat([x, x, g.slice(x, 2, 0, 4)], 2), g.concat([x, x], 1)],
  split: (g, x) => [...g.split(x, [1, 2, 3], 1), ...g.nodes('Split', [x], { axis: 2, num_outputs: 4 }, { outputs: 4 })],
  slices: (g, x) => [
    g.slice(x, 2, 2),
    g.slice(x, 2, 0, -3),
    g.slice(x, 2, -4),
    g.slice(x, 2, 1, 10, 3),
    g.slice(x, 1, -100, 4),
    g.slice(x, 2, 1, undefined, 2),
  ],
  'a reversed slice': (g, x) => g.slice(x, 2, -1, -(2 ** 40), -1),
  'a slice to a computed end': (g, x) => g.slice(x, 2, 0, g.sub(g.lengthOf(x, 2), 3)),
  padding: (g, x) => [
    g.pad(x, 2, 3, 1),
    g.pad(x, 2, 3, 1, { mode: 'reflect' }),
    g.pad(x, 1, 0, 2, { mode: 'edge' }),
    g.pad(x, 2, 0, g.lengthOf(x, 2)),
  ],
  repeat: (g, x) => [g.repeat(x, 2, 3), g.repeat(x, 1, 2), g.repeat(x, 0, 2)],
  expand: (g, x) => [g.expand(g.slice(x, 1, 0, 1), [1, 4, 1]), g.fill([g.lengthOf(x, 2), 3], 2)],
  gather: (g, x, ids) => [
    g.gather(g.initializer('table', weight(20, 5)), ids),
    g.gather(x, 2, 1),
    g.gather(x, g.constant([0, 3], 'int64'), 1),
  ],
  range: (g, x) => [g.range(0, g.lengthOf(x, 2)), g.range(g.lengthOf(x, 0), g.lengthOf(x, 2)), g.range(0, 5)],
  shapes: (g, x) => [g.node('Shape', [x]), g.lengthOf(x, 1), g.lengthOf(x, 2)],
  cast: (g, x, ids) => [g.cast(x, 'int64'), g.cast(ids, 'float32'), g.cast(g.less(x, 0), 'int32')],
  'dynamic quantization': (g, x) => {
    const [codes, scale, zero] = g.nodes('DynamicQuantizeLinear', [g.transpose(x, [0, 2, 1])], {}, { outputs: 3 })
    const sums = g.node('MatMulInteger', [codes, g.initializer('w', createTensor('int8', new Int8Array(30).fill(1), [6, 5])), zero])
    return [codes!, scale!, sums]
  },
  '4-bit weights': (g, x) => {
    const codes = createTensor('uint8', new Uint8Array(8 * 16).fill(0x77), [8, 1, 16])
    const padded = g.transpose(g.pad(x, 1, 0, 26), [0, 2, 1])
    const inputs = [padded, g.initializer('codes', codes), g.initializer('scales', float32Tensor(new Float32Array(8).fill(1), [8]))]
    return g.node('MatMulNBits', inputs, { K: 32, N: 8, bits: 4, block_size: 32 }, { domain: 'com.microsoft' })
  },
  'recurrent networks': (g, x) => {
    const frames = g.transpose(x, [2, 0, 1])
    const inputs = (gates: number) => [
      frames,
      g.initializer(`W${gates}`, weight(2, gates * 4, 6)),
      g.initializer(`R${gates}`, weight(2, gates * 4, 4)),
    ]
    return [...g.nodes('LSTM', inputs(4), { hidden_size: 4, direction: 'bidirectional' }, { outputs: 3 })]
  },
  'attention with a cache': (g, x) => {
    const frames = g.transpose(x, [0, 2, 1])
    const past = g.initializer('past', weight(2, 2, 3, 3))
    const inputs = [frames, frames, frames, undefined, undefined, undefined, past, past]
    return g.nodes('MultiHeadAttention', inputs, { num_heads: 2 }, { outputs: 3, domain: 'com.microsoft' })
  },
  if: (g, x) =>
    g.ifElse(
      g.less(g.node('ReduceSum', [x], { keepdims: 0 }), 0),
      then => [then.neg(x)],
      () => [x],
    ),
  'loop with a scan output': (g, x) => {
    const { carried, scan } = g.loop({ trips: g.constant(4, 'int64'), carried: [x] }, (body, _, [y]) => {
      const next = body.mul(y!, 2)
      return { carried: [next], scan: [next] }
    })
    return [...carried, ...scan]
  },
}

describe('inferred types', () => {
  it.each(Object.keys(cases))('equal what onnxruntime returns: %s', async name => {
    const graph = new GraphBuilder(name)
    const x = graph.input('x', 'float32', ['B', 6, 'T'])
    const ids = graph.input('ids', 'int64', ['B', 'T'])
    const built = cases[name]!(graph, x, ids)
    const values = Array.isArray(built) ? (built as readonly Value[]) : [built as Value]
    for (const [index, value] of values.entries()) graph.output(`y${index}`, value)
    const feeds: Record<string, Tensor> = { x: randomTensor(random, [2, 6, 11]), ids: int64Tensor(Array(22).fill(7), [2, 11]) }
    const results = await runGraph(graph, feeds)
    for (const [index, { dtype, shape }] of values.entries()) {
      const found = results[`y${index}`]!
      expect(found.dtype).toBe(dtype)
      expect(found.shape).toHaveLength(shape.length)
      for (const [axis, dim] of shape.entries()) {
        const expected = evaluateDim(dim, symbols)
        expect([axis, found.shape[axis]]).toEqual([axis, expected])
      }
    }
  })
})

describe('refused while building', () => {
  const refusals: [string, RegExp, (g: GraphBuilder, x: Value) => unknown][] = [
    ['lengths that cannot broadcast', /Add\(float32\[B, 6, T\].*6 and 5 differ/, (g, x) => g.add(x, g.initializer('w', weight(5, 1)))],
    ['symbolic lengths that differ by a constant', /T\+1 and T differ|T and T\+1 differ/, (g, x) => g.add(x, g.pad(x, 2, 1, 0))],
    ['element types that differ', /float32 and int64 differ/, (g, x) => g.node('Add', [x, g.constant(1, 'int64')])],
    ['an integer where a float is needed', /expected float32 or float16/, g => g.sin(g.constant([1], 'int64'))],
    [
      'matrices that do not fit',
      /inner lengths T and 4 differ|inner lengths/,
      (g, x) => g.matmul(g.reshape(x, [0, -1, 6]), g.initializer('w', weight(5, 4))),
    ],
    [
      'a bias of another length',
      /input 2 is \[3\], expected \[4\]/,
      (g, x) => g.conv(x, g.initializer('w', weight(4, 6, 1)), g.initializer('b', weight(3))),
    ],
    [
      'a kernel longer than its input',
      /fewer than the window of 9/,
      g => g.conv(g.initializer('x', weight(1, 6, 5)), g.initializer('w', weight(4, 6, 9))),
    ],
    ['reflecting more than there is', /reflect padding of 5/, g => g.pad(g.initializer('x', weight(1, 5)), 1, 5, 0, { mode: 'reflect' })],
    ['a shape of another size', /element counts differ/, g => g.reshape(g.initializer('x', weight(2, 6)), [5, 2])],
    ['an axis that does not exist', /axis 3 does not exist in rank 3/, (g, x) => g.concat([x, x], 3)],
    ['split sizes that do not add up', /do not add up to 6/, (g, x) => g.split(x, [2, 3], 1)],
    ['squeezing an axis of several elements', /axis 1 has 6 elements/, (g, x) => g.squeeze(x, [1])],
    ['more of the largest than there are', /k is 9/, (g, x) => g.topK(x, 9, 1)],
    ['an operator without rule', /Frobnicate has no inference rule/, (g, x) => g.node('Frobnicate', [x])],
    ['a missing input', /input 1 is missing/, (g, x) => g.node('MatMul', [x])],
    ['two numbers as operands', /one operand must be a value/, g => g.add(1, 2)],
    ['a value of another graph', /belongs to another graph/, g => g.neg(new GraphBuilder('other').input('z', 'float32', []))],
    ['an assumption that contradicts inference', /cannot be assumed/, (g, x) => g.assume(x, ['B', 7, 'T'])],
    ['an input named twice', /already the name/, g => g.input('x', 'float32', [1])],
    [
      'a carried axis that grows without a symbol',
      /assume/,
      g =>
        g.loop({ trips: g.constant(2, 'int64'), carried: [g.initializer('c', weight(1))] }, (b, _, [c]) => ({
          carried: [b.concat([c!, c!], 0)],
        })),
    ],
  ]
  it.each(refusals)('%s', (_, message, build) => {
    const graph = new GraphBuilder('refused')
    const x = graph.input('x', 'float32', ['B', 6, 'T'])
    expect(() => graph.scope('layer', () => build(graph, x))).toThrow(message)
  })
})
