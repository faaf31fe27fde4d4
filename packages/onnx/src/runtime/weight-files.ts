import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { release } from '../memory.ts'
import type { ModelBytes } from './protocol.ts'

/** Fewer bytes of weights are not worth the files. */
const smallestForFiles = 64 * 2 ** 20

/**
 * Writes many weights to a temporary folder and gives their memory back. ONNX Runtime maps such files and drops each weight once it is rearranged for its kernel;
 * of arrays it makes copies, whose memory stays with the process: docs/decisions/2026-11-26-memory-of-loading.md. Delete the folder when the session is open.
 * @returns undefined, and nothing is changed, for few weights, where mapped files cannot be deleted (Windows) and where the folder cannot be written
 */
export function writeWeightFiles(
  { bytes, externalData = [] }: ModelBytes,
  smallest = smallestForFiles,
): (ModelBytes & { readonly folder: string }) | undefined {
  const size = externalData.reduce((sum, { data }) => sum + data.byteLength, 0)
  if (size < smallest || process.platform === 'win32') return undefined
  let folder: string | undefined
  try {
    folder = mkdtempSync(join(tmpdir(), 'mynah-weights-'))
    for (const { path, data } of externalData) writeFileSync(join(folder, path), data)
  } catch {
    if (folder) deleteWeightFiles(folder)
    return undefined
  }
  for (const { data } of externalData) release(data.buffer)
  return { bytes, folder }
}

/** Deletes what `writeWeightFiles` wrote. What is mapped stays readable until the session is released. */
export function deleteWeightFiles(folder: string): void {
  rmSync(folder, { recursive: true, force: true })
}
