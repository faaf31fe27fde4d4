import {
  float32Tensor,
  type GraphBuilder,
  type LstmState,
  lstm,
  type OnnxModel,
  type Runtime,
  type Tensor,
  type Value,
  type Weights,
} from '@mynah/onnx'

/** A graph that runs on a stream, and what stays in the worker from one stretch of it to the next. */
export interface StreamGraph {
  readonly model: OnnxModel
  /** Names of what goes through: float32 [1, C, T] both. */
  readonly input: string
  readonly output: string
  readonly carry: Carry
}

/** A network that runs on streams, any number of them. */
export interface StreamModel extends AsyncDisposable {
  /** Begins a stream. */
  start(): Promise<ModelStream>
}

/** One stream through a network; to be disposed of after its last stretch. */
export interface ModelStream extends AsyncDisposable {
  /** The next stretch: float32 [C, T] → [C', T']. */
  run(stretch: Tensor<'float32'>, options: { signal?: AbortSignal }): Promise<Tensor<'float32'>>
}

/** Gives a causal network its memory: each layer that looks back takes a slot, an input and an output of the graph. */
export class Carry {
  /** Output that replaces each slot after a run. */
  readonly slots: Record<string, string> = {}
  /** Slots at the start of a stream. */
  readonly initial: Record<string, Tensor> = {}
  readonly #graph: GraphBuilder

  constructor(graph: GraphBuilder) {
    this.#graph = graph
  }

  /**
   * Puts the last elements of the stretch before in front of x, and keeps those of the result for the next.
   * @param x float32 [1, C, 1, T]
   * @returns joined [1, C, 1, P + T]; carried int64 [1], P: 0 at the start of a stream, `count` later
   */
  before(x: Value, count: number): { joined: Value; carried: Value } {
    const channels = x.shape[1] as number
    const slot = this.#slot(float32Tensor([], [1, channels, 1, 0]), [1, channels, 1, `P${Object.keys(this.slots).length}`])
    const joined = this.#graph.concat([slot, x], 3)
    this.#keep(slot, this.#graph.slice(joined, 3, -count))
    return { joined, carried: this.#graph.lengthOf(slot, 3) }
  }

  /** An LSTM that goes on where the stretch before ended. Reads what `lstm` reads. @param x float32 [T, 1, I] */
  lstm(x: Value, weights: Weights): { output: Value; state: LstmState } {
    const layers = weights.names.filter(name => /^weight_hh_l\d+$/.test(name)).length
    const shape = [layers, 1, weights.shape('weight_hh_l0')[1]!]
    const zeros = float32Tensor(new Float32Array(layers * shape[2]!), shape)
    const [hidden, cell] = [this.#slot(zeros, shape), this.#slot(zeros, shape)]
    const result = lstm(this.#graph, x, weights, { state: { hidden, cell } })
    this.#keep(hidden, result.state.hidden)
    this.#keep(cell, result.state.cell)
    return result
  }

  #slot(initial: Tensor, shape: Value['shape']): Value {
    const name = `carried.${Object.keys(this.slots).length}`
    this.slots[name] = `${name}.next`
    this.initial[name] = initial
    return this.#graph.input(name, 'float32', shape)
  }

  #keep(slot: Value, value: Value): void {
    this.#graph.output(this.slots[slot.name]!, value)
  }
}

/** Opens a session for streams. `build` is called again should the worker crash. */
export async function loadStreamModel(runtime: Runtime, name: string, build: () => StreamGraph): Promise<StreamModel> {
  let built: StreamGraph | undefined = build()
  const { carry, input, output } = built
  const take = () => {
    const { model } = built ?? build()
    built = undefined
    return model
  }
  const model = await runtime.load(take, { name, state: carry.slots })
  return {
    async start() {
      const state = await model.createState(carry.initial)
      return {
        async run({ data, shape }, options) {
          const results = await model.run({ [input]: float32Tensor(data, [1, ...shape]) }, { ...options, state })
          const result = results[output]!
          return float32Tensor(result.data as Float32Array, result.shape.slice(1))
        },
        [Symbol.asyncDispose]: () => state.dispose(),
      }
    },
    [Symbol.asyncDispose]: () => model.dispose(),
  }
}
