import { readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, extname, join } from 'node:path'
import { CheckpointError } from '@mynah/onnx'
import { parse } from 'yaml'

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
    return parseConfigText(readFileSync(path, 'utf8'), extname(path).toLowerCase() === '.json')
  } catch (cause) {
    throw new CheckpointError(
      `config ${path}: cannot be read: ${cause instanceof Error ? cause.message : cause}; pass { config } with another file`,
      {
        code: 'unreadable-config',
        cause,
      },
    )
  }
}

function parseConfigText(text: string, json: boolean): unknown {
  return json ? JSON.parse(text) : parse(text, { logLevel: 'error', maxAliasCount: maxAliases })
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
 * The config that belongs to a checkpoint: what the caller passed, the file beside it, or the text inside it (UnivNet's `hp_str`).
 * @param given a config as an object, or the path of one
 * @param root what the checkpoint holds
 * @returns undefined if there is none
 * @throws {CheckpointError} `unreadable-config`
 */
export function resolveConfig(given: unknown, checkpoint: string, root: unknown): unknown {
  if (typeof given === 'string') return readConfigFile(given)
  if (given !== undefined) return given
  const beside = findConfigFile(checkpoint)
  if (beside) return readConfigFile(beside)
  const inside = typeof root === 'object' && root !== null && 'hp_str' in root ? root.hp_str : undefined
  return typeof inside === 'string' && inside.length <= maxConfigBytes ? parseConfigText(inside, false) : undefined
}
