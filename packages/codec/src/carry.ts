import { float32Tensor, type Graph, type LstmState, type Net, sizeOf, type Tensor, type Value } from '@mynah/onnx'

const prefix = 'carried.'
const suffix = '.next'

/** Gives a causal network its memory: each layer that looks back takes a slot, an input and an output of the graph. */
export class Carry {
  #slots = 0

  /**
   * Puts the last elements of the chunk before in front of x, and keeps those of the result for the next.
   * @param x float32 [1, C, T]
   * @returns joined [1, C, P + T]; carried int64 [1], P: 0 at the start of a stream, `count` later
   */
  before(net: Net, x: Value, count: number): { joined: Value; carried: Value } {
    const slot = this.#slot(net, [1, x.shape[1]!, `P${this.#slots}`])
    const joined = net.concat([slot, x], 2)
    this.#keep(net, slot, net.slice(joined, 2, -count))
    return { joined, carried: net.lengthOf(slot, 2) }
  }

  /** The LSTM of a place, which goes on where the chunk before ended. @param x float32 [T, 1, I] */
  lstm(net: Net, name: string, x: Value): { output: Value; state: LstmState } {
    const { weights } = net.at(name)
    const layers = weights.names.filter(each => /^weight_hh_l\d+$/.test(each)).length
    const shape = [layers, 1, weights.shape('weight_hh_l0')[1]!]
    const [hidden, cell] = [this.#slot(net, shape), this.#slot(net, shape)]
    const result = net.lstm(name, x, { state: { hidden, cell } })
    this.#keep(net, hidden, result.state.hidden)
    this.#keep(net, cell, result.state.cell)
    return result
  }

  #slot(net: Net, shape: Value['shape']): Value {
    return net.input(`${prefix}${this.#slots++}`, 'float32', shape)
  }

  #keep(net: Net, slot: Value, value: Value): void {
    net.output(`${slot.name}${suffix}`, value)
  }
}

/** The slots of a graph with a `Carry`: which output replaces each after a run, and what they hold at the start of a stream: zeros, and nothing of what has no length yet. */
export function slotsOf({ inputs }: Pick<Graph, 'inputs'>): {
  readonly state: Readonly<Record<string, string>>
  readonly initial: Readonly<Record<string, Tensor>>
} {
  const slots = inputs.filter(({ name }) => name.startsWith(prefix))
  const initialOf = ({ shape }: Value) => {
    const lengths = shape.map(dim => (typeof dim === 'number' ? dim : 0))
    return float32Tensor(new Float32Array(sizeOf(lengths)), lengths)
  }
  return {
    state: Object.fromEntries(slots.map(({ name }) => [name, `${name}${suffix}`])),
    initial: Object.fromEntries(slots.map(slot => [slot.name, initialOf(slot)])),
  }
}
