import { CheckpointError } from '../errors.ts'
import { createTensor, sizeOf, type Tensor } from '../tensor.ts'
import { toFloat32 } from './stored.ts'

/** Names of one weight-normed parameter: the product and its two halves. */
export interface WeightNormNames {
  readonly weight: string
  readonly g: string
  readonly v: string
}

/**
 * The parameter that `name` is half of, in either spelling: `weight_g`, `weight_v` (torch.nn.utils.weight_norm) or `parametrizations.weight.original0`,
 * `original1` (torch.nn.utils.parametrizations.weight_norm); undefined for any other name.
 */
export function weightNormBase(name: string): WeightNormNames | undefined {
  const old = /^(.*\.)?(weight\w*)_[gv]$/.exec(name)
  if (old) {
    const weight = `${old[1] ?? ''}${old[2]}`
    return { weight, g: `${weight}_g`, v: `${weight}_v` }
  }
  const parametrized = /^(.*\.)?parametrizations\.(\w+)\.original[01]$/.exec(name)
  if (parametrized) {
    const prefix = parametrized[1] ?? ''
    const base = `${prefix}parametrizations.${parametrized[2]}`
    return { weight: `${prefix}${parametrized[2]}`, g: `${base}.original0`, v: `${base}.original1` }
  }
  return undefined
}

/**
 * w = g · v / ‖v‖₂ in float64, stored as float32. Paper: Weight Normalization, arXiv:1602.07868. No epsilon, as in PyTorch.
 * The norm runs over every dimension but the one along which g varies: dimension 0 for convolutions, which is the *input* channel of a ConvTranspose.
 * @param g [n, 1, …] (or 1s everywhere but one dimension)
 * @param v any shape with that dimension equal; a float32 one is overwritten by the result: the memory of a second array per layer is never asked for
 * @param where file and name, for messages
 * @throws {CheckpointError} `shape-mismatch` if g does not fit v; `degenerate-weight-norm` if a row of v is all zero, which PyTorch turns into NaN
 */
export function foldWeightNorm(g: Tensor, v: Tensor, where: string): Tensor<'float32'> {
  const shape = v.shape
  // A single g (a dimension of size 1, or dim=None, whose g is a scalar) scales the whole tensor.
  const axis = g.shape.findIndex(size => size !== 1)
  const whole = axis < 0
  const fits = whole
    ? g.shape.length === 0 || (g.shape.length === shape.length && shape.includes(1))
    : g.shape.length === shape.length && g.shape[axis] === shape[axis] && sizeOf(g.shape) === g.shape[axis]
  if (!fits) {
    throw new CheckpointError(
      `${where}: weight norm g is [${g.shape.join(', ')}], v is [${shape.join(', ')}]; expected g to vary along one dimension of v`,
      {
        code: 'shape-mismatch',
      },
    )
  }
  const rows = whole ? 1 : shape[axis]!
  const inner = whole ? sizeOf(shape) : sizeOf(shape.slice(axis + 1))
  const gains = numbers(g)
  const values = numbers(v)
  const squares = new Float64Array(rows)
  for (let start = 0, row = 0; start < values.length; start += inner, row = (row + 1) % rows) {
    let sum = 0
    for (let i = start; i < start + inner; i++) sum += values[i]! * values[i]!
    squares[row]! += sum
  }
  const factors = squares.map((square, row) => {
    if (square === 0) {
      throw new CheckpointError(
        `${where}: weight norm has an all-zero row ${row}, its direction is undefined (NaN in PyTorch); the checkpoint is damaged`,
        {
          code: 'degenerate-weight-norm',
        },
      )
    }
    return gains[row]! / Math.sqrt(square)
  })
  const data = values instanceof Float32Array ? values : new Float32Array(values.length)
  for (let start = 0, row = 0; start < data.length; start += inner, row = (row + 1) % rows) {
    for (let i = start; i < start + inner; i++) data[i] = values[i]! * factors[row]!
  }
  return createTensor('float32', data, shape)
}

function numbers(tensor: Tensor): Float32Array | Float64Array {
  return tensor.dtype === 'float64' ? (tensor.data as Float64Array) : toFloat32(tensor).data
}
