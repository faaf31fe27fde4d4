/** Bytes that are taken in one step. */
const width = 8

/** `tables[n][byte]`: what a byte does to the sum when n more bytes follow it in the same step. Polynomial 0xEDB88320, as zip and PNG use it. */
const tables: readonly Uint32Array[] = Array.from({ length: width }, () => new Uint32Array(256))
for (let byte = 0; byte < 256; byte++) {
  let sum = byte
  for (let bit = 0; bit < 8; bit++) sum = sum & 1 ? (sum >>> 1) ^ 0xedb88320 : sum >>> 1
  tables[0]![byte] = sum
}
for (let n = 1; n < width; n++) {
  for (let byte = 0; byte < 256; byte++) {
    const before = tables[n - 1]![byte]!
    tables[n]![byte] = (before >>> 8) ^ tables[0]![before & 0xff]!
  }
}

/** CRC-32 of zip files. Node's own is there from version 22.2 on. */
export function crc32(bytes: Uint8Array): number {
  const [t0, t1, t2, t3, t4, t5, t6, t7] = tables as [Uint32Array, ...Uint32Array[]]
  let sum = 0xffffffff
  let i = 0
  for (const end = bytes.length - (bytes.length % width); i < end; i += width) {
    sum ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24)
    sum =
      t7![sum & 0xff]! ^
      t6![(sum >>> 8) & 0xff]! ^
      t5![(sum >>> 16) & 0xff]! ^
      t4![sum >>> 24]! ^
      t3![bytes[i + 4]!]! ^
      t2![bytes[i + 5]!]! ^
      t1![bytes[i + 6]!]! ^
      t0[bytes[i + 7]!]!
  }
  for (; i < bytes.length; i++) sum = (sum >>> 8) ^ t0[(sum ^ bytes[i]!) & 0xff]!
  return (sum ^ 0xffffffff) >>> 0
}
