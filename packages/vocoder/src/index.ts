export { loadMynahDecoder, type MynahDecoderConfig } from './architectures/mynah.ts'
export type { Vocoder } from './vocoder.ts'
