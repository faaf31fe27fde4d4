import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { parse } from 'yaml'
import { z } from 'zod'
import { CheckpointError } from '../errors.ts'

/** Published configs have a few KB; this bounds what a mistaken path makes us parse. */
const maxConfigBytes = 1 << 20
/** YAML aliases can blow up a small file; published configs use a handful. */
const maxAliases = 100

/**
 * Reads a published config: JSON, or YAML with unknown tags ignored (`!!python/object:argparse.Namespace` …).
 * @throws {CheckpointError} `unreadable-config`
 */
export function readConfigFile(path: string): unknown {
  try {
    const { size } = statSync(path)
    if (size > maxConfigBytes) throw new RangeError(`it has ${size} bytes, expected at most ${maxConfigBytes}`)
    const text = readFileSync(path, 'utf8')
    return extname(path).toLowerCase() === '.json' ? JSON.parse(text) : parseYaml(text)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : cause
    throw new CheckpointError(`config ${path}: cannot be read: ${reason}; pass { config } with another file`, {
      code: 'unreadable-config',
      cause,
    })
  }
}

/** YAML that a checkpoint holds as text. @throws {Error} if it is none, or too long */
export function parseYaml(text: string): unknown {
  if (text.length > maxConfigBytes) throw new RangeError(`it has ${text.length} characters, expected at most ${maxConfigBytes}`)
  return parse(text, { logLevel: 'error', maxAliasCount: maxAliases })
}

/**
 * Path of the config published beside a checkpoint: `config.json|yaml|yml`, `args.yml`, the checkpoint's own name with such an ending,
 * or else the only `config*.json|yaml|yml` in the folder.
 */
export function findConfigFile(checkpoint: string): string | undefined {
  const folder = dirname(checkpoint)
  const names = readdirSync(folder)
  const stem = basename(checkpoint, extname(checkpoint))
  const endings = ['json', 'yaml', 'yml']
  const preferred = ['config', 'args', 'hparams', stem, basename(checkpoint)].flatMap(name => endings.map(ending => `${name}.${ending}`))
  const found = preferred.find(name => names.includes(name))
  if (found) return join(folder, found)
  const similar = names.filter(name => /^config.*\.(json|ya?ml)$/.test(name))
  return similar.length === 1 ? join(folder, similar[0]!) : undefined
}

/**
 * Checks a published config against what an architecture needs of it; fields that the schema does not know are ignored.
 * @param source of the weights, for messages
 * @param renames other spellings of fields → those of the schema
 * @throws {CheckpointError} `missing-config` if there is none, `bad-config` naming each field that does not fit
 */
export function parseConfig<S extends z.ZodType>(
  architecture: string,
  schema: S,
  config: unknown,
  { source }: { readonly source: string },
  renames: Readonly<Record<string, string>> = {},
): z.infer<S> {
  if (config === undefined) {
    throw new CheckpointError(
      `${architecture}: found no config beside ${source}; the checkpoint does not say its sizes: put the published config beside it, or pass { config }`,
      { code: 'missing-config' },
    )
  }
  const parsed = schema.safeParse(renameFields(config, renames))
  if (parsed.success) return parsed.data
  throw new CheckpointError(
    `${architecture}: the config for ${source} does not fit; is it another model's? ${z.prettifyError(parsed.error)}`,
    { code: 'bad-config', cause: parsed.error },
  )
}

/**
 * Who says a field: the config, in whatever spelling, or else the reference, by its default.
 * @param origin what stands for the config where it is that of a recognized model
 */
export function toldBy(
  config: unknown,
  renames: Readonly<Record<string, string>>,
  origin: 'config' | 'published model',
): (field: string) => 'config' | 'published model' | 'default' {
  const fields = new Set(Object.entries(renameFields(config, renames) ?? {}).flatMap(([key, value]) => (value == null ? [] : [key])))
  return field => (fields.has(field) ? origin : 'default')
}

function renameFields(config: unknown, renames: Readonly<Record<string, string>>): unknown {
  if (typeof config !== 'object' || config === null || Array.isArray(config)) return config
  const spelling = new Map(Object.entries(renames))
  return Object.fromEntries(Object.entries(config).map(([key, value]) => [spelling.get(key) ?? key, value]))
}

/**
 * Holds a config against the weights.
 * @param configured undefined where the config does not say
 * @throws {CheckpointError} `config-mismatch` if it says something else than what the weights have
 */
export function expectEqual(
  architecture: string,
  { source }: { readonly source: string },
  field: string,
  configured: number | string | undefined,
  found: number | string,
): void {
  if (configured === undefined || configured === found) return
  throw new CheckpointError(
    `${architecture}: the config says ${field} ${configured}, but ${source} has ${found}; does the config belong to this checkpoint?`,
    { code: 'config-mismatch' },
  )
}
