import {
  deviceFor,
  expectAllRead,
  loadGraph,
  type Model,
  multipliesInt8Exactly,
  type OpenedModel,
  type Resources,
  type Runtime,
  threadUrl,
} from '@mynah/onnx'
import type { LanguageModelDescription, LanguageModelTarget, WeightType } from './architecture.ts'

/** Builds the graphs of this package's architectures, in the inference thread. */
export const builder = threadUrl('builder', import.meta.url)

/** Sessions of all graphs of a description; every tensor of the checkpoint must have been used by them. */
export async function loadGraphs<GraphName extends string>(
  opened: OpenedModel<LanguageModelDescription<GraphName>>,
  runtime: Runtime,
  resources: Resources,
  weightType: WeightType = 'float32',
  by = builder,
): Promise<Record<GraphName, Model>> {
  const { architecture, description, weights } = opened
  const exactInt8 = weightType !== 'float32' && (await multipliesInt8Exactly(runtime))
  const targetOn = (device: LanguageModelTarget['device']): LanguageModelTarget => ({ device, weightType, exactInt8 })
  const { externalData = false, slots = {} as NonNullable<typeof description.slots> } = description
  const models: Partial<Record<GraphName, Model>> = {}
  for (const name of Object.keys(description.build(weights, targetOn(runtime.device))) as GraphName[]) {
    const state = slots[name] ?? {}
    const target = targetOn(deviceFor(runtime, state))
    models[name] = resources.add(await loadGraph(opened, name, { runtime, builder: by, target, externalData }, { state }))
  }
  expectAllRead(architecture.name, weights, description)
  return models as Record<GraphName, Model>
}
