/** Blocks of this size and more are worth pages of their own. */
const smallestOwnPages = 1 << 20

/**
 * Memory for weights on their way to ONNX Runtime. Large blocks are resizable buffers, which V8 takes from the system and gives back page by page. Those of plain
 * buffers come from malloc, and what is freed among them stays with the process: docs/decisions/2026-11-26-memory-of-loading.md.
 * @returns zeros
 */
export function allocate(bytes: number): ArrayBuffer {
  return bytes < smallestOwnPages ? new ArrayBuffer(bytes) : new ArrayBuffer(bytes, { maxByteLength: bytes })
}

/** Gives a block of `allocate` back now instead of when it is collected. Arrays over it become empty; other buffers stay as they are. */
export function release(buffer: ArrayBufferLike): void {
  if (buffer instanceof ArrayBuffer && buffer.resizable) buffer.resize(0)
}

/** `count` zeros in memory of `allocate`. */
export function allocateFloat32(count: number): Float32Array<ArrayBuffer> {
  return new Float32Array(allocate(4 * count), 0, count)
}

/** `count` zeros in memory of `allocate`. */
export function allocateUint8(count: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(allocate(count), 0, count)
}
