import { CheckpointError } from '../errors.ts'
import { InertObject, isDict } from './pickle.ts'
import { TensorRef } from './stored.ts'

/** Where published checkpoints keep the state dict, in order of preference (generators before whatever else is in the file). */
const NESTINGS = ['generator', 'model_g', 'model.generator', 'model', 'state_dict', 'module'] as const
/** Dicts looked into; published files need three. Also bounds the depth of the search. */
const MAX_SEARCHED = 100
/** Added by DataParallel, torch.compile and wrapper modules; stripped only where every name has it. */
const PREFIXES = ['module.', '_orig_mod.', 'generator.', 'model.'] as const
/** Names that only training's other half has. */
const DISCRIMINATOR = /^(module\.)?(model\.)?(mpd|msd|mrd|mrsd|discriminators?|disc_\d+|model_d)\./

/**
 * Finds the state dict inside what was saved and strips wrapper prefixes.
 * @param nesting dotted paths to try instead of the usual ones; `''` is the root itself
 * @returns name → tensor, in the order of the file; entries that are no tensors (`_extra_state`, counters) are left out
 * @throws {CheckpointError} `no-weights`
 */
export function unwrapStateDict(root: unknown, path: string, nesting?: readonly string[]): Map<string, TensorRef> {
  const found = nesting ? firstStateDict(root, nesting, new Set()) : findStateDict(root, new Set())
  if (!found) throw new CheckpointError(`${path}: holds no model weights: ${explain(root, nesting)}`, { code: 'no-weights' })
  const tensors = new Map(Object.entries(found).filter((entry): entry is [string, TensorRef] => entry[1] instanceof TensorRef))
  if ([...tensors.keys()].every(name => DISCRIMINATOR.test(name))) {
    const names = [...tensors.keys()].slice(0, 3).join(', ')
    throw new CheckpointError(`${path}: holds only a discriminator (${names}, …), which training needs; take the generator's file`, {
      code: 'no-weights',
    })
  }
  return stripPrefixes(tensors)
}

type Dict = Record<string, unknown>

/** @param seen dicts that have been searched: a file may hold one many times, or inside itself */
function findStateDict(value: unknown, seen: Set<unknown>): Dict | undefined {
  if (!isDict(value) || seen.has(value) || seen.size > MAX_SEARCHED) return undefined
  seen.add(value)
  return firstStateDict(value, NESTINGS, seen) ?? (holdsTensors(value) ? value : undefined)
}

function firstStateDict(value: unknown, nesting: readonly string[], seen: Set<unknown>): Dict | undefined {
  for (const dotted of nesting) {
    let inner: unknown = value
    for (const key of dotted === '' ? [] : dotted.split('.')) inner = isDict(inner) && Object.hasOwn(inner, key) ? inner[key] : undefined
    const found = dotted !== '' ? findStateDict(inner, seen) : isDict(inner) && holdsTensors(inner) ? inner : undefined
    if (found) return found
  }
  return undefined
}

function stripPrefixes(tensors: Map<string, TensorRef>): Map<string, TensorRef> {
  let stripped = tensors
  for (let prefix = common(stripped); prefix; prefix = common(stripped)) {
    stripped = new Map([...stripped].map(([name, tensor]) => [name.slice(prefix!.length), tensor]))
  }
  return stripped
}

function common(tensors: Map<string, TensorRef>): string | undefined {
  return PREFIXES.find(prefix => [...tensors.keys()].every(name => name.length > prefix.length && name.startsWith(prefix)))
}

function holdsTensors(value: Dict): boolean {
  return Object.values(value).some(entry => entry instanceof TensorRef)
}

function explain(root: unknown, nesting: readonly string[] | undefined): string {
  const object = isDict(root) ? NESTINGS.map(key => root[key]).find(value => value instanceof InertObject) : root
  if (object instanceof InertObject) {
    return `it holds a whole object of class "${object.className}", expected a state dict; in Python save model.state_dict() instead`
  }
  if (!isDict(root))
    return `it is ${Array.isArray(root) ? 'a list' : root instanceof TensorRef ? 'a single tensor' : typeof root}, expected a state dict`
  const keys = Object.keys(root)
  const shown =
    keys.length === 0
      ? 'nothing'
      : keys
          .slice(0, 8)
          .map(key => `"${key}"`)
          .join(', ')
  if (nesting) return `it holds ${shown}, and no state dict at ${nesting.map(dotted => `"${dotted}"`).join(' or ')}`
  const inner = Object.hasOwn(root, 'model') && isDict(root.model) ? [...keys, ...Object.keys(root.model)] : keys
  if (
    inner.some(key => /^(mpd|msd|mrd|discriminator|model_d|optim|optimizer)/.test(key)) ||
    (keys.includes('state') && keys.includes('param_groups'))
  ) {
    return `it holds ${shown}: a discriminator or optimizer, which only training needs; take the generator's file (g_… rather than do_…)`
  }
  return `it holds ${shown}; expected a state dict at the top or under ${NESTINGS.map(dotted => `"${dotted}"`).join(', ')}`
}
