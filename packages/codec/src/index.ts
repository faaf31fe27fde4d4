export { loadMynahCodec, type MynahCodec, type MynahCodecConfig } from './architectures/mynah.ts'
export type { AudioCodec, Codec, CodecSegment, DecodeOptions, EncodeOptions } from './codec.ts'
export { type LoadCodecOptions, loadCodec } from './load.ts'
export { buildRvqEncoder, decodeCodes } from './rvq.ts'
