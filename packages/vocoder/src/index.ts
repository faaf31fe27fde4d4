export type { VocoderArchitecture, VocoderDescription, VocoderSources } from './architecture.ts'
export { architectures } from './architectures/index.ts'
export { loadMynahDecoder, type MynahDecoderConfig } from './architectures/mynah.ts'
export type { FeatureStream } from './chunks.ts'
export { joinFrames, sliceFrames } from './features.ts'
export {
  buildChecked,
  type DecodeOptions,
  describeVocoder,
  type ExportedVocoder,
  exportVocoder,
  type LoadVocoderOptions,
  loadVocoder,
  type MelVocoder,
  type Stretch,
  type Vocoder,
} from './vocoder.ts'
