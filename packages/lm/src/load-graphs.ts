import { expectAllRead, type Model, multipliesInt8Exactly, type OpenedModel, type Resources, type Runtime, writeModel } from '@mynah/onnx'
import type { LanguageModelDescription, WeightType } from './architecture.ts'

/** Sessions of all graphs of a description; every tensor of the checkpoint must have been used by them. */
export async function loadGraphs<GraphName extends string>(
  {
    architecture,
    description,
    weights,
  }: Pick<OpenedModel<LanguageModelDescription<GraphName>>, 'architecture' | 'description' | 'weights'>,
  runtime: Runtime,
  resources: Resources,
  weightType: WeightType = 'float32',
): Promise<Record<GraphName, Model>> {
  const exactInt8 = weightType !== 'float32' && (await multipliesInt8Exactly(runtime))
  const graphs = description.build(weights, { device: runtime.device, weightType, exactInt8 })
  const { externalData = false, slots = {} as NonNullable<typeof description.slots> } = description
  const models: Partial<Record<GraphName, Model>> = {}
  for (const name of Object.keys(graphs) as GraphName[]) {
    // A factory, so that tensors are freed once they are in the worker, and read again should it crash.
    const emit = () => writeModel(graphs[name](), { externalData })
    const options = { name: `${architecture.name} ${name}`, state: slots[name] ?? {}, transfer: externalData }
    models[name] = resources.add(await runtime.load(emit, options))
  }
  expectAllRead(architecture.name, weights, description)
  return models as Record<GraphName, Model>
}
