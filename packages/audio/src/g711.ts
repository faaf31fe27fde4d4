/** G.711: 8 bits a sample, finer near zero. Telephony's codec, at 8 kHz. */

/** A-law: sign, 3 bits of exponent, 4 of mantissa, even bits inverted. @returns a sample in [-1, 1] */
export function fromALaw(byte: number): number {
  const code = byte ^ 0x55
  const exponent = (code >> 4) & 7
  const mantissa = ((code & 15) << 4) + 8
  const magnitude = exponent === 0 ? mantissa : (mantissa + 256) << (exponent - 1)
  return (code & 0x80 ? magnitude : -magnitude) / 32768
}

/** µ-law: sign, 3 bits of exponent, 4 of mantissa, all bits inverted, bias 132. @returns a sample in [-1, 1] */
export function fromMuLaw(byte: number): number {
  const code = ~byte
  const magnitude = (((code & 15) << 3) + 132) << ((code >> 4) & 7)
  return (code & 0x80 ? 132 - magnitude : magnitude - 132) / 32768
}

/** The µ-law byte of a 16-bit sample. */
export function toMuLaw(pcm: number): number {
  const magnitude = Math.min(Math.abs(pcm), 32635) + 132
  const exponent = 24 - Math.clz32(magnitude) // of the highest bit, above bit 7
  const mantissa = (magnitude >> (exponent + 3)) & 15
  return ~((pcm < 0 ? 0x80 : 0) | (exponent << 4) | mantissa) & 0xff
}

/** The A-law byte of a 16-bit sample. */
export function toALaw(pcm: number): number {
  const magnitude = pcm < 0 ? ~pcm : pcm
  const exponent = Math.max(0, 24 - Math.clz32(magnitude))
  const mantissa = (magnitude >> Math.max(4, exponent + 3)) & 15
  return ((pcm < 0 ? 0 : 0x80) | (exponent << 4) | mantissa) ^ 0x55
}
