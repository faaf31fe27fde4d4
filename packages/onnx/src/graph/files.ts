import { writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { OnnxModel } from './model.ts'

/**
 * Writes a model as a plain `.onnx` file that any runtime loads. Weights that are not inside (above 1.5 GB, as a protobuf cannot exceed 2) become files beside it.
 * @returns the names of all files, the model's first
 */
export function writeOnnxFile(path: string, { bytes, externalData = [] }: OnnxModel): string[] {
  writeFileSync(path, bytes)
  for (const { path: name, data } of externalData) writeFileSync(join(dirname(path), name), data)
  return [basename(path), ...externalData.map(({ path: name }) => name)]
}
