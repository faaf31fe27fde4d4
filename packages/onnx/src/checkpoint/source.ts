import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { CheckpointError } from '../errors.ts'
import { allocateUint8 } from '../memory.ts'

/** Largest single read: no published tensor comes near 4 GiB, and one typed array should not exceed it. */
const MAX_READ_BYTES = 2 ** 32
/** `fs.readSync` takes at most 2^31 - 1 bytes at once. */
const READ_CHUNK_BYTES = 2 ** 30

/** Random access to the bytes of a file that stays open, or of a buffer. Nothing is read before it is asked for. */
export interface ByteSource {
  /** File path, or `<memory>`, for error messages. */
  readonly path: string
  /** Size in bytes. */
  readonly size: number
  /** A fresh copy of `length` bytes at `offset`. @throws {CheckpointError} `truncated-file`, `unreadable-file`, `too-large`, `closed` */
  read(offset: number, length: number): Uint8Array
  /** Closes the file; later reads throw `closed`. */
  close(): void
}

// A source that is dropped without close() must not leak its file descriptor.
const forgotten = new FinalizationRegistry<number>(closeSync)

/**
 * Opens a file, or wraps bytes in memory.
 * @param path what errors call bytes in memory
 * @throws {CheckpointError} `unreadable-file` if there is no such regular file
 */
export function openSource(input: string | Uint8Array, path = '<memory>'): ByteSource {
  if (typeof input === 'string') return openFile(input)
  if (!(input instanceof Uint8Array)) throw new TypeError(`expected a file path or a Uint8Array, got ${typeof input}`)
  // Not a Buffer, whose slice() would not copy.
  let bytes: Uint8Array | undefined = new Uint8Array(input.buffer, input.byteOffset, input.length)
  return {
    path,
    size: input.length,
    read(offset, length) {
      if (!bytes) throw closed(path)
      assertInside(path, input.length, offset, length)
      return bytes.slice(offset, offset + length)
    },
    close() {
      bytes = undefined
    },
  }
}

function openFile(path: string): ByteSource {
  let fd: number | undefined
  let size: number
  try {
    fd = openSync(path, 'r')
    const stat = fstatSync(fd)
    if (!stat.isFile()) throw new Error('not a regular file')
    size = stat.size
  } catch (cause) {
    if (fd !== undefined) closeSync(fd)
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new CheckpointError(`${path}: cannot be opened (${reason}); check the path`, { code: 'unreadable-file', cause })
  }
  const source: ByteSource = {
    path,
    size,
    read(offset, length) {
      if (fd === undefined) throw closed(path)
      assertInside(path, size, offset, length)
      const bytes = allocateUint8(length)
      for (let done = 0; done < length; ) {
        let count: number
        try {
          count = readSync(fd, bytes, done, Math.min(length - done, READ_CHUNK_BYTES), offset + done)
        } catch (cause) {
          throw new CheckpointError(`${path}: reading ${length} bytes at ${offset} failed`, { code: 'unreadable-file', cause })
        }
        if (count === 0) throw new CheckpointError(`${path}: became shorter while it was being read`, { code: 'truncated-file' })
        done += count
      }
      return bytes
    },
    close() {
      if (fd === undefined) return
      forgotten.unregister(source)
      closeSync(fd)
      fd = undefined
    },
  }
  forgotten.register(source, fd, source)
  return source
}

function closed(path: string): CheckpointError {
  return new CheckpointError(`${path}: was closed; read all tensors before close()`, { code: 'closed' })
}

function assertInside(path: string, size: number, offset: number, length: number): void {
  if (!(Number.isSafeInteger(offset) && Number.isSafeInteger(length) && offset >= 0 && length >= 0 && offset + length <= size)) {
    throw new CheckpointError(
      `${path}: ${length} bytes at ${offset} are outside the ${size} bytes of the file; it is cut short or damaged`,
      {
        code: 'truncated-file',
      },
    )
  }
  if (length > MAX_READ_BYTES) {
    throw new CheckpointError(`${path}: one tensor of ${length} bytes, at most ${MAX_READ_BYTES} are read`, { code: 'too-large' })
  }
}
