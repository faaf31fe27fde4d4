export { loadMynahCodec, type MynahCodec, type MynahCodecConfig } from './architectures/mynah.ts'
export type { Codec } from './codec.ts'
export { buildRvqEncoder, decodeCodes } from './rvq.ts'
