export type { VocoderArchitecture, VocoderDescription, VocoderSources } from './architecture.ts'
export { architectures } from './architectures/index.ts'
export { loadMynahDecoder, type MynahDecoderConfig } from './architectures/mynah.ts'
export {
  buildChecked,
  type DecodeOptions,
  describeVocoder,
  type LoadVocoderOptions,
  loadVocoder,
  type MelVocoder,
  type Vocoder,
} from './vocoder.ts'
