import { extname } from 'node:path'
import { parseArgs } from 'node:util'
import { devices, type RuntimeOptions } from '@mynah/onnx'
import type { Terminal } from './terminal.ts'

/** The command line itself is wrong: exit code 2, and a hint at `--help`. */
export class UsageError extends Error {}

/** One row of a command's argument table. */
export interface Option {
  /** What stands for the value in the help, such as FILE; an option without one is a flag. */
  readonly value?: string
  readonly short?: string
  readonly help: string
}

/** A command: what it takes, how its help teaches it, and what it does. */
export interface Command {
  /** One word, or two for a command of a group (`voice create`). */
  readonly name: string
  /** What it takes besides options, as in the help: `TEXT|-`. */
  readonly operands: string
  /** One line, in the imperative. */
  readonly summary: string
  /** More to know, in lines of at most 100 characters. */
  readonly details?: readonly string[]
  readonly options: Readonly<Record<string, Option>>
  /** What to type, and what it does. */
  readonly examples: readonly (readonly [command: string, does: string])[]
  /**
   * @returns false for a finding that is a failure (exit code 1), such as a device that should work and does not
   * @throws {UsageError} for a wrong command line; anything else is a failure, exit code 1
   */
  run(args: Arguments, terminal: Terminal): Promise<boolean>
}

/** Options that several commands take. */
export const sharedOptions = {
  bundle: { value: 'BUNDLE', help: 'the model: a folder, an installed package, or hf:owner/name (default: the embedded English model)' },
  device: { value: 'D', help: 'what computes: auto, cpu, cuda, webgpu, coreml or dml (default: auto)' },
  threads: { value: 'N', help: 'CPU threads per operator (default: all physical cores, at most 4)' },
  json: { help: 'print the result as JSON on stdout' },
  checkpoint: { value: 'FILE', short: 'c', help: 'the checkpoint as it was published (required)' },
  config: { value: 'FILE', help: 'its config (default: the one beside the checkpoint, or inside of it)' },
} as const satisfies Record<string, Option>

/** A parsed command line. */
export class Arguments {
  readonly operands: readonly string[]
  readonly #values: Readonly<Record<string, string | boolean | undefined>>

  private constructor(operands: readonly string[], values: Readonly<Record<string, string | boolean | undefined>>) {
    this.operands = operands
    this.#values = values
  }

  /** @throws {UsageError} for an unknown option, or one that lacks or has a value against its table */
  static parse(words: readonly string[], table: Readonly<Record<string, Option>>): Arguments {
    const options = Object.fromEntries(
      Object.entries(table).map(([name, { value, short }]) => [
        name,
        { type: value === undefined ? ('boolean' as const) : ('string' as const), ...(short === undefined ? {} : { short }) },
      ]),
    )
    try {
      const { values, positionals } = parseArgs({ args: [...words], options, allowPositionals: true })
      return new Arguments(positionals, values)
    } catch (error) {
      throw new UsageError((error as Error).message)
    }
  }

  flag(name: string): boolean {
    return this.#values[name] === true
  }

  text(name: string): string | undefined {
    const value = this.#values[name]
    return typeof value === 'string' ? value : undefined
  }

  /** @throws {UsageError} if it is no number in [least, most], or no integer where one is wanted */
  number(name: string, range: { least: number; most: number; integer?: boolean }): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    const value = text.trim() === '' ? Number.NaN : Number(text)
    if (value >= range.least && value <= range.most && (!range.integer || Number.isInteger(value))) return value
    throw new UsageError(
      `--${name} is "${text}", expected ${range.integer ? 'an integer' : 'a number'} from ${range.least} to ${range.most}`,
    )
  }

  /** @throws {UsageError} if it is none of `values` */
  choice<T extends string>(name: string, values: readonly T[]): T | undefined {
    const text = this.text(name)
    if (text === undefined || (values as readonly string[]).includes(text)) return text as T | undefined
    throw new UsageError(`--${name} is "${text}", expected one of ${values.join(', ')}`)
  }

  /** @throws {UsageError} without it */
  required(name: string, why: string): string {
    const text = this.text(name)
    if (text === undefined || text === '') throw new UsageError(`--${name} is missing: ${why}`)
    return text
  }

  /** `--seed`. @throws {UsageError} if it is no integer from 0 */
  seed(): number | undefined {
    return this.number('seed', { least: 0, most: 2 ** 32 - 1, integer: true })
  }

  /** `--device` and `--threads`. @throws {UsageError} if one is out of range */
  runtimeOptions(): RuntimeOptions {
    return defined({
      device: this.choice('device', ['auto', ...devices]),
      threads: this.number('threads', { least: 1, most: 1024, integer: true }),
    })
  }

  /** `--bundle`, `--device` and `--threads`: what `createSynthesizer` takes. @throws {UsageError} if one is out of range */
  modelOptions(): RuntimeOptions & { bundle?: string } {
    return { ...defined({ bundle: this.text('bundle') }), ...this.runtimeOptions() }
  }

  /** For a command without operands. @throws {UsageError} if there are some */
  noOperands(command: string): void {
    if (this.operands.length > 0) throw new UsageError(`"${this.operands.join(' ')}" is too much; ${command} takes only options`)
  }

  /** The only operand. @throws {UsageError} if there is none, or several */
  operand(what: string): string {
    const [first, ...others] = this.operands
    if (first === undefined) throw new UsageError(`${what} is missing`)
    if (others.length > 0) throw new UsageError(`${this.operands.length} operands ("${this.operands.join('", "')}"), expected one: ${what}`)
    return first
  }
}

/** `--out` of a command that writes WAV and nothing else. @throws {UsageError} if it is missing, or ends otherwise */
export function readWavOut(args: Arguments): string {
  const out = args.required('out', 'the .wav file to write')
  if (extname(out).toLowerCase() === '.wav') return out
  throw new UsageError(`--out is "${out}", expected a name that ends in .wav`)
}

/** The fields that are not undefined: what an options object with `exactOptionalPropertyTypes` takes. */
export function defined<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>
  }
}
