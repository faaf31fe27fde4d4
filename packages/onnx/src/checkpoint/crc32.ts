import * as zlib from 'node:zlib'

/** Node's own counts bytes in 32 bits. */
const stepBytes = 2 ** 30

/** CRC-32 of zip files. Node's own, ten times as fast as what JavaScript computes, is there from versions 20.15 and 22.2 on. */
export function crc32(bytes: Uint8Array): number {
  const step: typeof crc32ByTable = zlib.crc32 ?? crc32ByTable
  let sum = 0
  for (let start = 0; start < bytes.length; start += stepBytes) sum = step(bytes.subarray(start, start + stepBytes), sum)
  return sum
}

/** What a byte does to the sum. Polynomial 0xEDB88320, as zip and PNG use it. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  return sum
})

/** For older versions of Node. @param before sum of the bytes before */
export function crc32ByTable(bytes: Uint8Array, before = 0): number {
  let sum = ~before
  for (let i = 0; i < bytes.length; i++) sum = (sum >>> 8) ^ table[(sum ^ bytes[i]!) & 0xff]!
  return ~sum >>> 0
}
