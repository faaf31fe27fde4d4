import {
  float32Tensor,
  type Graph,
  loadGraph,
  type Model,
  type ModelDescription,
  type OpenedModel,
  type Runtime,
  type Tensor,
  threadUrl,
  writeModel,
} from '@mynah/onnx'
import { slotsOf } from './carry.ts'

/** One stream through a network; to be disposed of after its last chunk. */
export interface NetworkStream extends AsyncDisposable {
  /** The next chunk: float32 [C, T] → [C', T']. */
  run(chunk: Tensor<'float32'>, options: { signal?: AbortSignal }): Promise<Tensor<'float32'>>
}

/** Builds the graphs of codecs, in the inference thread. */
const builder = threadUrl('builder', import.meta.url)

/** The sessions of a codec's graphs, opened when first needed. */
export class Sessions implements AsyncDisposable {
  readonly #runtime: Runtime
  readonly #codec: OpenedModel<ModelDescription>
  readonly #opened = new Map<string, Promise<AsyncDisposable>>()

  /** @param codec stays open */
  constructor(runtime: Runtime, codec: OpenedModel<ModelDescription>) {
    this.#runtime = runtime
    this.#codec = codec
  }

  /** The session of a graph; a failed one is tried again next time. */
  open(part: string): Promise<Model> {
    return this.#once(part, () => loadGraph(this.#codec, part, { runtime: this.#runtime, builder }))
  }

  /** Runs a network: float32 [C, T] → [C', T']. */
  async run(part: string, input: Tensor<'float32'>, options: { signal?: AbortSignal }, feeds: Readonly<Record<string, Tensor>> = {}) {
    return runNetwork(await this.open(part), input, { ...options, feeds })
  }

  /** Begins a stream through a graph that carries its state. */
  async start(part: string): Promise<NetworkStream> {
    const { model, initial } = await this.#once(part, async () => {
      const { architecture, description, weights } = this.#codec
      const emit = description.build(weights)[part]!
      let emitted: Graph | undefined = emit()
      const { state, initial } = slotsOf(emitted)
      const take = () => {
        const graph = emitted ?? emit()
        emitted = undefined
        return writeModel(graph)
      }
      const model = await this.#runtime.load(take, { name: `${architecture.name} ${part}`, state })
      return { model, initial, [Symbol.asyncDispose]: () => model.dispose() }
    })
    const state = await model.createState(initial)
    return {
      run: (chunk, options) => runNetwork(model, chunk, { ...options, state }),
      [Symbol.asyncDispose]: () => state.dispose(),
    }
  }

  /** Closes all sessions. */
  async [Symbol.asyncDispose](): Promise<void> {
    const opened = await Promise.allSettled(this.#opened.values())
    this.#opened.clear()
    await Promise.all(opened.map(result => (result.status === 'fulfilled' ? result.value[Symbol.asyncDispose]() : undefined)))
  }

  #once<M extends AsyncDisposable>(part: string, load: () => Promise<M>): Promise<M> {
    const known = this.#opened.get(part) as Promise<M> | undefined
    if (known) return known
    const opened = load()
    this.#opened.set(part, opened)
    opened.catch(() => this.#opened.delete(part))
    return opened
  }
}

/** The first input is what goes through, the first output what comes out. */
async function runNetwork(
  model: Model,
  { data, shape }: Tensor<'float32'>,
  { feeds = {}, ...options }: NonNullable<Parameters<Model['run']>[1]> & { readonly feeds?: Readonly<Record<string, Tensor>> },
): Promise<Tensor<'float32'>> {
  const [input, output] = [
    model.inputs.find(name => name === 'waveform' || name === 'latents')!,
    model.outputs.find(name => !name.includes('.'))!,
  ]
  const result = (await model.run({ [input]: float32Tensor(data, [1, ...shape]), ...feeds }, options))[output]!
  return float32Tensor(result.data as Float32Array, result.shape.slice(1))
}
