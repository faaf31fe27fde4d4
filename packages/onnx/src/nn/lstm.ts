import type { Weights } from '../checkpoint/weights.ts'
import { CheckpointError } from '../errors.ts'
import type { Value } from '../graph/model.ts'
import type { Operators } from '../graph/operators.ts'
import { float32Tensor, type Tensor } from '../tensor.ts'

/** Hidden and cell state after the last frame, each float32 [layers · directions, B, H]. */
export interface LstmState {
  readonly hidden: Value
  readonly cell: Value
}

/** ONNX's gate order i, o, f, c as indices into PyTorch's i, f, g (= c), o. */
const gateOrder = [0, 3, 1, 2]

/**
 * torch.nn.LSTM with any number of layers and one or two directions, as far as the weights go. Reads `weight_ih_l0` [4H, I], `weight_hh_l0` [4H, H],
 * `bias_ih_l0`, `bias_hh_l0` [4H] (optional), then `…_l1`; `…_reverse` for the other direction.
 * @param x float32 [T, B, I]: time first
 * @param config.state state before the first frame; zeros if left out
 * @returns output float32 [T, B, directions · H] and the state after the last frame
 * @throws {CheckpointError} `missing-tensor` if there is no layer 0
 */
export function lstm(
  graph: Operators,
  x: Value,
  weights: Weights,
  config: { readonly state?: LstmState } = {},
): { output: Value; state: LstmState } {
  const layers = weights.names.filter(name => /^weight_ih_l\d+$/.test(name)).length
  if (layers === 0) {
    throw new CheckpointError(`${weights.source}: no "weight_ih_l0" among [${weights.names.join(', ')}]; is this an LSTM?`, {
      code: 'missing-tensor',
    })
  }
  const directions = weights.has('weight_ih_l0_reverse') ? 2 : 1
  const hiddenSize = weights.shape('weight_hh_l0')[1]!
  const parts = (state: Value | undefined) => (state ? graph.split(state, Array<number>(layers).fill(directions), 0) : [])
  const [initialHidden, initialCell] = [parts(config.state?.hidden), parts(config.state?.cell)]
  const finals: { hidden: Value[]; cell: Value[] } = { hidden: [], cell: [] }
  let output = x
  for (let layer = 0; layer < layers; layer++) {
    const suffixes = directions === 2 ? [`l${layer}`, `l${layer}_reverse`] : [`l${layer}`]
    const stack = (name: string, kind: string) =>
      graph.initializer(`${name}_l${layer}`, stackGates(suffixes.map(suffix => weights.get(`${kind}_${suffix}`))))
    const hasBias = weights.has(`bias_ih_l${layer}`)
    const bias = hasBias ? graph.initializer(`bias_l${layer}`, stackBiases(weights, suffixes)) : undefined
    const inputs = [output, stack('W', 'weight_ih'), stack('R', 'weight_hh'), bias, undefined, initialHidden[layer], initialCell[layer]]
    const attributes = { hidden_size: hiddenSize, direction: directions === 2 ? 'bidirectional' : 'forward' }
    const [frames, hidden, cell] = graph.nodes('LSTM', inputs, attributes, { outputs: 3 }) // frames [T, directions, B, H]
    output =
      directions === 1
        ? graph.squeeze(frames!, [1])
        : graph.reshape(graph.transpose(frames!, [0, 2, 1, 3]), [0, 0, directions * hiddenSize])
    finals.hidden.push(hidden!)
    finals.cell.push(cell!)
  }
  const join = (states: readonly Value[]) => (states.length === 1 ? states[0]! : graph.concat(states, 0))
  return { output, state: { hidden: join(finals.hidden), cell: join(finals.cell) } }
}

/** Reorders the four row blocks of each direction and stacks directions: [directions, 4H, …]. */
function stackGates(tensors: readonly Tensor<'float32'>[]): Tensor<'float32'> {
  const { shape, data } = tensors[0]!
  const block = data.length / 4
  const stacked = new Float32Array(data.length * tensors.length)
  tensors.forEach((tensor, direction) => {
    gateOrder.forEach((gate, position) => {
      stacked.set(tensor.data.subarray(gate * block, (gate + 1) * block), direction * data.length + position * block)
    })
  })
  return float32Tensor(stacked, [tensors.length, ...shape])
}

/** ONNX wants the input bias and the recurrent bias side by side: [directions, 8H]. */
function stackBiases(weights: Weights, suffixes: readonly string[]): Tensor<'float32'> {
  const rows = suffixes.map(suffix => ['bias_ih', 'bias_hh'].map(kind => stackGates([weights.get(`${kind}_${suffix}`)]).data))
  const width = rows[0]![0]!.length
  const joined = new Float32Array(rows.length * 2 * width)
  for (const [i, data] of rows.flat().entries()) joined.set(data, i * width)
  return float32Tensor(joined, [suffixes.length, 2 * width])
}
