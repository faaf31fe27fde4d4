import type { ManifestHead } from '../bundle/fields.ts'
import { mynah } from './mynah.ts'
import type { System } from './system.ts'
import { vallEX } from './vall-e-x.ts'

/** Every system that a bundle can be of, asked in this order. */
export const systems: readonly System[] = [mynah, vallEX]

/** The system of a manifest that `parseManifest` returned. */
export function systemOf(manifest: ManifestHead): System {
  const found = systems.find(system => system.detect({ ...manifest }))
  if (!found) throw new TypeError(`${manifest.name}: is of no system that Mynah knows; expected what parseManifest returns`)
  return found
}
