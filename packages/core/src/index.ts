import './placed.ts' // before all dependencies

export {
  type AudioEncoder,
  createEncoder,
  type EncodedFormat,
  type EncodedSampleRate,
  type EncodingOptions,
  encodedFormats,
  encodedSampleRates,
  type FormatInfo,
} from '@mynah/audio'
export { type AudioCodec, codesEnding, type EncodedAudio, type LoadCodecOptions, loadCodec, readCodes, writeCodes } from '@mynah/codec'
export type { Device } from '@mynah/onnx'
export { AudioFormatError, BundleError, CheckpointError, InferenceError, MynahError } from '@mynah/onnx'
export { type LoadVocoderOptions, loadVocoder, type MelVocoder } from '@mynah/vocoder'
export type { BundlePart } from './bundle/fields.ts'
export { checkFile } from './bundle/files.ts'
export { type BundleManifest, type BundleVoice, bundleParts } from './bundle/manifest.ts'
export { type Bundle, loadBundleVoice, openBundle } from './bundle/open.ts'
export type { Aligner, Codec, LanguageModel, Models, PromptAligner, Vocoder } from './contracts.ts'
export { type ConversionManifest, type ConvertedFile, type ConvertedGraph, type ConvertOptions, convertCheckpoint } from './convert.ts'
export { type DescribedCheckpoint, describeCheckpoint } from './describe.ts'
export { HubError, VoiceError } from './errors.ts'
export type { CatalogueFile, CatalogueModel } from './hub/catalogue.ts'
export { type ListedModel, listModels, type PulledModel, pullModel } from './hub/pull.ts'
export type { HubOptions, HubProgress } from './hub/settings.ts'
export { type Progress, type SpeechOptions, speedRange } from './options.ts'
export { BusyError } from './pool/busy.ts'
export type { SynthesizerStats } from './pool/stats.ts'
export { Speech, type SpeechFields, speechEndings, type Timings } from './speech.ts'
export { createSynthesizer, type Synthesizer, type SynthesizerOptions, type VoiceInfo } from './synthesizer.ts'
export type { MynahManifest } from './systems/mynah.ts'
export type { PublishedManifest } from './systems/vall-e-x.ts'
export { createTextStream, type TextPiece, type TextSource, type TextStream } from './text/stream.ts'
export type { VocoderOption, VocoderSource } from './vocoder.ts'
export type { VoiceSource } from './voice/create.ts'
export { maxPromptSeconds, maxRecordingSeconds, minPromptSeconds } from './voice/prompt.ts'
export type { AudioSource, RawSamples } from './voice/recording.ts'
export { type TranscribeOptions, transcribe } from './voice/transcribe.ts'
export { type Transcription, Voice, type VoiceFields } from './voice/voice.ts'
export type { Word } from './word-times.ts'
