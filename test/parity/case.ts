import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createWeights, loadWeights, type Runtime, type Tensor, type Weights } from '@mynah/onnx'

/** One `case.json` with the files beside it. */
export interface ParityCase {
  readonly folder: string
  readonly arch: string
  /** The whole case.json. */
  readonly json: Readonly<Record<string, unknown>>
  /** Inputs and reference outputs. Every tensor must be read by the runner: what it leaves unread it has not understood, and the case fails. */
  readonly io: Weights
  /** Max abs error allowed on what `case.json` says nothing more particular about: 1e-4, more if the reference's own float32 error is larger. */
  readonly tolerance: number
  /** Path of the checkpoint. @throws {Error} if the folder holds none or several */
  checkpoint(): string
  /** Path of a file beside it. @throws {Error} if there is none of these names */
  file(...names: readonly string[]): string
}

/** One output held against its reference. */
export interface Comparison {
  readonly output: string
  /** Largest absolute difference; for codes, the number that differ. Infinite if the lengths differ. */
  readonly error: number
  /** The error that still passes; 0 for codes. */
  readonly tolerance: number
}

/** Runs a case of one architecture. Anything it throws fails the case. */
export type Runner = (parityCase: ParityCase, runtime: Runtime) => Promise<readonly Comparison[]>

const defaultTolerance = 1e-4

/** Reads `case.json` in a folder, and opens `io.safetensors` if there is one. @throws {Error} if it is not the format of golden/README.md */
export function readCase(folder: string): ParityCase {
  const json = asRecord(JSON.parse(readFileSync(join(folder, 'case.json'), 'utf8')))
  if (typeof json.arch !== 'string') throw new Error('case.json has no "arch"')
  const tolerance = typeof json.tolerance === 'number' ? json.tolerance : asRecord(json.tolerance).suggested_max_abs
  const named = asRecord(json.checkpoint).file
  const io = join(folder, 'io.safetensors')
  return {
    folder,
    arch: json.arch,
    json,
    io: existsSync(io) ? loadWeights(io) : createWeights({}),
    tolerance:
      typeof json.tolerance === 'number' ? json.tolerance : Math.max(defaultTolerance, typeof tolerance === 'number' ? tolerance : 0),
    checkpoint: () => join(folder, typeof named === 'string' ? named : onlyCheckpoint(folder)),
    file(...names) {
      const found = names.find(name => existsSync(join(folder, name)))
      if (found === undefined) throw new Error(`none of ${names.join(', ')} in ${folder}`)
      return join(folder, found)
    },
  }
}

/** The value if it is a JSON object, else an empty one. */
export function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {}
}

function onlyCheckpoint(folder: string): string {
  const others = readdirSync(folder).filter(name => name !== 'io.safetensors' && !/\.(json|ya?ml|md|h5|npy|npz|txt)$/.test(name))
  if (others.length !== 1) throw new Error(`case.json names no checkpoint.file, and the folder holds ${others.join(', ') || 'none'}`)
  return others[0]!
}

/** Largest absolute difference; infinite if the lengths differ or a number is NaN. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  let largest = 0
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!)
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Number.POSITIVE_INFINITY : difference
  }
  return largest
}

/** How many integers differ; infinite if the counts do. */
export function countDifferent(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY
  return Array.from(a).filter((value, i) => BigInt(value) !== BigInt(b[i]!)).length
}

/** [1, …] → […]. @throws {Error} if the batch is another */
export function withoutBatch<T extends Tensor>(tensor: T): T {
  if (tensor.shape[0] !== 1) throw new Error(`tensor is [${tensor.shape.join(', ')}], expected a batch of one`)
  return { ...tensor, shape: tensor.shape.slice(1) }
}

/** `''`, `'_2'`, `'_3'` … of the tensors called `output` with a run number. */
export function runsOf(io: Weights, output: string): string[] {
  return io.names
    .filter(name => name === output || (name.startsWith(`${output}_`) && /^_\d+$/.test(name.slice(output.length))))
    .map(name => name.slice(output.length))
}
