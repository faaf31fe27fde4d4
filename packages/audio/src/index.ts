export {
  type Audio,
  type AudioErrorCode,
  type AudioFormat,
  durationSeconds,
  joinPieces,
  maxAudioBytes,
  maxAudioChannels,
  maxAudioSamples,
  maxAudioSeconds,
  sampleRateRange,
  toMono,
} from './audio.ts'
export * from './decode.ts'
export * from './encode.ts'
export * from './encoder.ts'
export * from './fft.ts'
export * from './formats.ts'
export * from './in-turns.ts'
export * from './level.ts'
export * from './loudness.ts'
export * from './mel.ts'
export * from './resample.ts'
export { frameCount, hannWindow, istft, type Padding, type Spectrogram, type StftConfig, stft, visitFrames } from './stft.ts'
export { type AudioStream, createWavWriter, openAudio, type WavWriter } from './stream.ts'
export * from './time-scale.ts'
export { encodeWav, readWav, type WavFormat } from './wav.ts'
export { isNarrowBand, widenBand } from './widen.ts'
