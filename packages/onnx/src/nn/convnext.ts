import type { Value } from '../graph/model.ts'
import type { LinearConfig } from './linear.ts'
import type { Net } from './net.ts'

/** Configuration of a ConvNeXt block. */
export interface ConvNextConfig extends Pick<LinearConfig, 'dtype'> {
  /** Channels between its two linear layers; as many as the tensors have unless told otherwise. */
  readonly hidden?: number
  /** The norm of [B, T, C]: a layer norm from `norm` unless told otherwise. Vocos with EnCodec features passes an adaptive one. */
  readonly normalize?: (net: Net, name: string, x: Value) => Value
}

const kernel = 7
const epsilon = 1e-6

/** The layer norm of ConvNeXt. */
export const convNextNorm = (net: Net, name: string, x: Value): Value => net.layerNorm(name, x, { epsilon })

/**
 * ConvNeXt block in one dimension: depthwise convolution → norm → linear → GELU → linear → scale per channel, added to its input.
 * Papers: ConvNeXt, arXiv:2201.03545; Vocos, arXiv:2306.00814. Reads `dwconv`, `norm`, `pwconv1`, `pwconv2` and, if there is one, `gamma` [C].
 * @param x float32 [B, C, T]
 * @returns float32 [B, C, T]
 */
export function convNextBlock(net: Net, x: Value, { hidden, normalize = convNextNorm, ...precision }: ConvNextConfig = {}): Value {
  const channels = x.shape[1] as number
  const mixed = net.conv1d('dwconv', x, { out: channels, kernel, groups: channels, padding: 'same' })
  const normal = normalize(net, 'norm', net.transpose(mixed, [0, 2, 1])) // [B, T, C]
  const wide = net.gelu(net.linear('pwconv1', normal, { ...(hidden === undefined ? {} : { out: hidden }), ...precision }))
  const narrow = net.linear('pwconv2', wide, { out: channels, ...precision })
  const scaled = net.weights.has('gamma') ? net.mul(narrow, net.initializer('gamma', net.weight('gamma', [channels]))) : narrow
  return net.add(x, net.transpose(scaled, [0, 2, 1]))
}
