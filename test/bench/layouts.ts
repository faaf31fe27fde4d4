import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createRandom, float32Tensor, sizeOf, type Tensor, writeSafetensors } from '@mynah/onnx'
import type { BenchModel } from './models.ts'

/** What the bench feeds a model, and how much sound comes of it: torch_models.py prints it, or layouts.json.gz holds it. */
export interface Case {
  readonly config: unknown
  readonly seconds: number
  /** Tensors in `NAME.raw` beside the checkpoint; `output` is the reference's, absent where there was none. */
  readonly shapes: Readonly<Record<string, readonly number[]>>
  readonly torch?: string
}

interface Layout extends Case {
  /** Shapes by the published names. */
  readonly tensors: Readonly<Record<string, readonly number[]>>
}

/**
 * Writes a model as published, with random weights, into a folder, and random input: for machines without PyTorch.
 * @throws {Error} if layouts.json.gz lacks the model; `torch_models.py --layouts` writes it
 */
export function writeRandomCase({ id }: Pick<BenchModel, 'id'>, folder: string): Case {
  const layouts: Record<string, Layout> = JSON.parse(gunzipSync(readFileSync(new URL('layouts.json.gz', import.meta.url))).toString())
  const layout = layouts[id]
  if (!layout) throw new Error(`bench: layouts.json.gz has no "${id}"; make it anew with torch_models.py --layouts`)
  const { tensors, ...facts } = layout
  const random = createRandom(0)
  const weights = Object.entries(tensors).map(([name, shape]) => [name, randomWeight(shape, random.uniform)] as const)
  writeSafetensors(join(folder, 'checkpoint.safetensors'), Object.fromEntries(weights))
  for (const [name, shape] of Object.entries(facts.shapes)) {
    const size = sizeOf(shape)
    // Code 0 is in every codebook.
    const data = name === 'codes' ? new Int32Array(size) : Float32Array.from({ length: size }, () => random.uniform() - 0.5)
    writeFileSync(join(folder, `${name}.raw`), data)
  }
  writeFileSync(join(folder, 'case.json'), JSON.stringify(facts))
  return facts
}

/** As PyTorch begins: uniform, within 1/√(inputs of a layer); vectors, gains and frequencies among them, are positive. */
function randomWeight(shape: readonly number[], uniform: () => number): Tensor<'float32'> {
  const inputs = sizeOf(shape.slice(1))
  const bound = 1 / Math.sqrt(inputs)
  const draw = inputs === 1 ? () => uniform() + 0.5 : () => (2 * uniform() - 1) * bound
  return float32Tensor(Float32Array.from({ length: sizeOf(shape) }, draw), shape)
}
