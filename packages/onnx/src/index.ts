export * from './architecture.ts'
export { type Checkpoint, readCheckpoint } from './checkpoint/checkpoint.ts'
export { readHdf5 } from './checkpoint/hdf5.ts'
export { readNpy, readNpz } from './checkpoint/npz.ts'
export { InertObject } from './checkpoint/pickle.ts'
export { readSafetensors, type Safetensors, toSafetensors, writeSafetensors } from './checkpoint/safetensors.ts'
export { type StoredDType, TensorRef, toFloat32 } from './checkpoint/stored.ts'
export { createWeights, type LoadWeightsOptions, loadWeights, type Weights } from './checkpoint/weights.ts'
export * from './errors.ts'
export { narrowFloat16 } from './graph/elements.ts'
export { writeOnnxFile } from './graph/files.ts'
export { GraphBuilder, type LoopStep } from './graph/graph.ts'
export { inspectGraph } from './graph/inspect.ts'
export type { AttributeValue, Dim, Graph, Initializer, Node, OnnxModel, Value } from './graph/model.ts'
export { writeModel } from './graph/model.ts'
export type { ConvAttributes, NodeOptions, Operand, Vector } from './graph/operators.ts'
export { allocateFloat32 } from './memory.ts'
export * from './nn/activation.ts'
export * from './nn/attention.ts'
export * from './nn/backbone.ts'
export * from './nn/conv.ts'
export * from './nn/convnext.ts'
export * from './nn/istft.ts'
export * from './nn/linear.ts'
export * from './nn/lstm.ts'
export * from './nn/norm.ts'
export * from './nn/resblock.ts'
export * from './random.ts'
export { multipliesInt8Exactly } from './runtime/int8.ts'
export { autoOrder, type Device, type DeviceReport, devices, type Provider, probeDevices } from './runtime/providers.ts'
export {
  createRuntime,
  type LoadOptions,
  type Model,
  type RunOptions,
  type Runtime,
  type RuntimeOptions,
  type State,
} from './runtime/runtime.ts'
export { runtimeVersion } from './runtime/version.ts'
export * from './tensor.ts'
