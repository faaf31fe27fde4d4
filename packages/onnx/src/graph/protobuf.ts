import { allocateUint8 } from '../memory.ts'

/** Wire types of the protobuf encoding that ONNX needs. */
const wireVarint = 0
const wireFixed32 = 5
const wireLengthDelimited = 2

/**
 * A protobuf message being written, as a list of byte pieces. Large payloads (weights) are held by reference and copied exactly once, by `toBytes`.
 * Format: protobuf.dev/programming-guides/encoding. A nested message must be complete before it is added.
 */
export class MessageWriter {
  #pieces: Uint8Array[] = []
  #size = 0
  /** Bytes of tags, lengths and numbers that are not a piece yet. */
  #small: number[] = []

  /** Bytes that `toBytes` will return. */
  get size(): number {
    return this.#size + this.#small.length
  }

  /** int32, int64, bool or enum field. Negative numbers take ten bytes (two's complement), as the format asks. */
  varint(field: number, value: number | bigint): this {
    this.#tag(field, wireVarint)
    this.#varint(value)
    return this
  }

  /** float field. */
  float(field: number, value: number): this {
    this.#tag(field, wireFixed32)
    this.#small.push(...new Uint8Array(Float32Array.of(value).buffer))
    return this
  }

  /** UTF-8 string field. */
  string(field: number, text: string): this {
    return this.bytes(field, Buffer.from(text, 'utf8'))
  }

  /** bytes field; `payload` is referenced, not copied, until `toBytes`. */
  bytes(field: number, payload: Uint8Array): this {
    this.#tag(field, wireLengthDelimited)
    this.#varint(payload.byteLength)
    this.#append(payload)
    return this
  }

  /** Embedded message field. */
  message(field: number, message: MessageWriter): this {
    this.#tag(field, wireLengthDelimited)
    this.#varint(message.size)
    message.#flush()
    for (const piece of message.#pieces) this.#append(piece)
    return this
  }

  /** Packed repeated int64 field. */
  packedVarints(field: number, values: readonly (number | bigint)[]): this {
    const packed = new MessageWriter()
    for (const value of values) packed.#varint(value)
    return this.message(field, packed)
  }

  /** Packed repeated float field. */
  packedFloats(field: number, values: readonly number[]): this {
    return this.bytes(field, new Uint8Array(Float32Array.from(values).buffer))
  }

  /** The whole message in one buffer: the only copy of the payloads. */
  toBytes(): Uint8Array<ArrayBuffer> {
    this.#flush()
    const bytes = allocateUint8(this.#size)
    let offset = 0
    for (const piece of this.#pieces) {
      bytes.set(piece, offset)
      offset += piece.byteLength
    }
    return bytes
  }

  #tag(field: number, wireType: number): void {
    this.#varint(field * 8 + wireType)
  }

  #varint(value: number | bigint): void {
    if (typeof value === 'number' && value >= 0 && value < 2 ** 31) {
      let rest = value
      for (; rest > 127; rest >>>= 7) this.#small.push((rest & 127) | 128)
      this.#small.push(rest)
      return
    }
    let rest = BigInt.asUintN(64, BigInt(value))
    for (; rest > 127n; rest >>= 7n) this.#small.push(Number(rest & 127n) | 128)
    this.#small.push(Number(rest))
  }

  #append(piece: Uint8Array): void {
    this.#flush()
    this.#pieces.push(piece)
    this.#size += piece.byteLength
  }

  #flush(): void {
    if (this.#small.length === 0) return
    this.#pieces.push(Uint8Array.from(this.#small))
    this.#size += this.#small.length
    this.#small = []
  }
}
