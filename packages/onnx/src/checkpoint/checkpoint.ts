import { CheckpointError } from '../errors.ts'
import { readSafetensorsIndex } from './safetensors.ts'
import { type ByteSource, openSource } from './source.ts'
import { isLegacyTorch, isZip, readTorchLegacy, readTorchZip } from './torch.ts'

/** An open checkpoint file. Everything but tensor data has been read and checked; tensor data are read when asked for. */
export interface Checkpoint extends Disposable {
  /** File path, or `<memory>`. */
  readonly path: string
  readonly format: 'safetensors' | 'torch-zip' | 'torch-legacy'
  /**
   * What was saved, as plain inert values: dict and Namespace → object without prototype, list, tuple and set → array, int beyond 2^53 → bigint,
   * tensor and numpy array → `TensorRef`, path, device and dtype → string, instance of an unknown class → `InertObject`.
   */
  readonly root: unknown
  /** Metadata of a safetensors file; empty for others. */
  readonly metadata: Readonly<Record<string, string>>
  /** Oddities that did not prevent reading, such as classes that were kept as inert stubs. */
  readonly warnings: readonly string[]
  /** Closes the file; tensors not yet read cannot be read any more. */
  close(): void
}

/** Enough to recognise every container and the usual mix-ups. */
const SNIFF_BYTES = 512

/**
 * Opens a checkpoint in any published container: safetensors, PyTorch ≥ 1.6 (zip), older PyTorch (consecutive pickles).
 * Nothing in the file is ever executed. Close it (or `using`) when the tensors have been read.
 * @param input a file path, or the bytes of a file
 * @throws {CheckpointError} `unreadable-file`, `unknown-container`, `malformed-safetensors`, `malformed-zip`, `malformed-torch`, `malformed-pickle`,
 *   `dangerous-global` (the pickle names a function such as os.system), `too-large`, `truncated-file`
 */
export function readCheckpoint(input: string | Uint8Array): Checkpoint {
  const source = openSource(input)
  try {
    const { format, root, metadata, warnings } = readAny(source)
    const close = () => source.close()
    return {
      path: source.path,
      format,
      root,
      metadata: metadata ?? Object.create(null),
      warnings: warnings ?? [],
      close,
      [Symbol.dispose]: close,
    }
  } catch (error) {
    source.close()
    throw error
  }
}

interface Contents {
  format: Checkpoint['format']
  root: unknown
  metadata?: Record<string, string>
  warnings?: readonly string[]
}

function readAny(source: ByteSource): Contents {
  const head = source.read(0, Math.min(SNIFF_BYTES, source.size))
  if (isZip(head)) return { format: 'torch-zip', ...readTorchZip(source) }
  if (isLegacyTorch(head)) return { format: 'torch-legacy', ...readTorchLegacy(source) }
  // A header's first byte is always "{" (the official reader insists on it, too).
  if (head[8] === 0x7b) {
    const { tensors, metadata } = readSafetensorsIndex(source)
    return { format: 'safetensors', root: tensors, metadata }
  }
  throw new CheckpointError(`${source.path}: is not a checkpoint: ${describeUnknown(head)}`, { code: 'unknown-container' })
}

function describeUnknown(head: Uint8Array): string {
  const text = Buffer.from(head).toString('latin1')
  const start = text.trimStart().toLowerCase()
  if (head.length === 0) return 'the file is empty; download it again'
  if (head.length <= 8) return `the file has only ${head.length} bytes; download it again`
  if (start.startsWith('<!doctype html') || start.startsWith('<html') || start.startsWith('<head')) {
    return 'it is an HTML page, as failed downloads leave behind (a Google Drive or login page); download the file itself'
  }
  if (text.startsWith('version https://git-lfs')) return 'it is a git-lfs pointer, not the file; run "git lfs pull"'
  if (head[0] === 0x1f && head[1] === 0x8b) return 'it is gzip-compressed; unpack it first'
  if (text.slice(257, 262) === 'ustar') return 'it is a tar archive; unpack it first (PyTorch < 0.1.10 tar checkpoints are not supported)'
  if (text.startsWith('\x89HDF')) return 'it is HDF5 (statistics or a Keras model), not PyTorch or safetensors'
  if (text.startsWith('\x93NUMPY')) return 'it is a numpy array; use readNpy'
  if (head[0] === 0x80) return "it is a pickle without PyTorch's magic number: damaged, or not written by torch.save"
  return 'expected safetensors, or a .pt/.pth/.bin/.ckpt file written by torch.save'
}
