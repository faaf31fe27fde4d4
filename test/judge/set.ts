import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** A row of `set.jsonl`, which training/eval/evaluation.py writes. Files are relative to the set's folder. */
export interface Row {
  readonly id: string
  readonly group: string
  readonly text: string
  /** A recording that says `text`. */
  readonly input?: string
  /** A recording of the same speaker. */
  readonly prompt?: string
  /** The recording that the voice is to be like, where that is not the prompt. */
  readonly person?: string
  /** What the prompt says, empty where that is not told; rows without it are not spoken. */
  readonly transcript?: string
}

/** A line for ../shared/tools/judge. */
export interface Case {
  readonly wav: string
  readonly text: string
  readonly prompt?: string
  readonly group: string
}

/** The objects of a file with one a line; none if there is no such file. */
export function readLines<T>(path: string): T[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  return lines.filter(line => line.trim() !== '').map(line => JSON.parse(line))
}

/** @param limit rows of each group */
export function readSet(folder: string, limit: number): Row[] {
  const rows = readLines<Row>(join(folder, 'set.jsonl'))
  if (rows.length === 0) throw new RangeError(`${folder} has no set.jsonl with rows; training/eval/evaluation.py writes it`)
  const taken = new Map<string, number>()
  return rows.filter(({ group }) => {
    taken.set(group, (taken.get(group) ?? 0) + 1)
    return taken.get(group)! <= limit
  })
}
