import { existsSync, readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Runtime } from '@mynah/onnx'
import { type ParityCase, type Runner, readCase } from './case.ts'
import { runners as allRunners } from './runners/index.ts'

/** One row of the table. */
export interface ParityResult {
  /** Path of the case below the folder that was asked for. */
  readonly name: string
  readonly arch: string
  /** Worst error among the outputs, as a fraction of its tolerance decides which is worst; NaN if the case did not run. */
  readonly error: number
  readonly tolerance: number
  readonly pass: boolean
  /** Why it failed, or how many outputs were compared. */
  readonly detail: string
}

/** Folders at or below `folder` that hold a case.json, sorted. */
export function findCases(folder: string): string[] {
  if (existsSync(join(folder, 'case.json'))) return [folder]
  return readdirSync(folder, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort()
    .flatMap(name => findCases(join(folder, name)))
}

/** Runs the case in one folder. Never throws: whatever goes wrong, or is not understood, is a failure. */
export async function runCase(
  root: string,
  folder: string,
  runtime: Runtime,
  runners: Readonly<Record<string, Runner>> = allRunners,
): Promise<ParityResult> {
  const name = relative(root, folder) || folder
  let arch = '?'
  let parityCase: ParityCase | undefined
  const failed = (detail: string): ParityResult => ({ name, arch, error: Number.NaN, tolerance: Number.NaN, pass: false, detail })
  try {
    parityCase = readCase(folder)
    arch = parityCase.arch
    const runner = Object.hasOwn(runners, arch) ? runners[arch]! : undefined
    if (!runner) return failed(`no runner for "${arch}"; known: ${Object.keys(runners).sort().join(', ')}`)
    const comparisons = await runner(parityCase, runtime)
    const unread = parityCase.io.unread()
    if (comparisons.length === 0) return failed('nothing was compared')
    if (unread.length > 0) return failed(`not understood: ${unread.join(', ')}`)
    // error / tolerance, where 0 / 0 (equal codes) is as good as it gets.
    const badness = ({ error, tolerance }: { error: number; tolerance: number }) =>
      error <= tolerance ? error / (tolerance || 1) : Number.POSITIVE_INFINITY
    const worst = comparisons.reduce((a, b) => (badness(b) > badness(a) ? b : a))
    const wrong = comparisons.filter(({ error, tolerance }) => !(error <= tolerance))
    const detail = wrong.length === 0 ? `${comparisons.length} outputs` : `wrong: ${wrong.map(({ output }) => output).join(', ')}`
    return { name, arch, error: worst.error, tolerance: worst.tolerance, pass: wrong.length === 0, detail }
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error))
  } finally {
    parityCase?.io.close()
  }
}

/** The results as a text table. */
export function formatResults(results: readonly ParityResult[]): string {
  const number = (value: number) => (Number.isNaN(value) ? '–' : value === 0 ? '0' : value.toExponential(1))
  const rows = results.map(({ name, error, tolerance, pass, detail }) => [
    name,
    number(error),
    number(tolerance),
    pass ? 'pass' : 'FAILED',
    detail,
  ])
  const header = ['case', 'max abs error', 'tolerance', '', '']
  const widths = header.map((_, column) => Math.max(...[header, ...rows].map(row => row[column]!.length)))
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === row.length - 1 ? cell : cell.padEnd(widths[column]!)))
      .join('  ')
      .trimEnd()
  const passed = results.filter(({ pass }) => pass).length
  return [line(header), ...rows.map(line), `${passed} of ${results.length} cases pass`].join('\n')
}
