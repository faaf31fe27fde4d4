import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/**
 * Where this package's code is. Whoever bundles Mynah into one file learns first of all, before any of its dependencies is loaded, why it cannot run there: it starts threads on files of
 * its own, and reads models and dictionaries beside them.
 */
export const placeOfCore: string = findPlace()

function findPlace(): string {
  const url: string | undefined = import.meta.url
  const own = url?.endsWith('.ts') ? './placed.ts' : './placed.js'
  if (url !== undefined && existsSync(fileURLToPath(new URL(own, url)))) return url
  throw new Error(
    `@mynah/core was bundled into ${url ?? 'a file'}, where it misses its other files; keep it external: --external:@mynah/* (esbuild), externals: [/^@mynah\\//] (webpack), serverExternalPackages (Next.js)`,
  )
}
