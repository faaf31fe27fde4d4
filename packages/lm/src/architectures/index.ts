import type { LanguageModelArchitecture } from '../architecture.ts'
import { mynah } from './mynah/load.ts'
import { vallE } from './vall-e/load.ts'

/** Every language model that Mynah runs, asked in this order whether a checkpoint is its own. */
export const architectures: readonly LanguageModelArchitecture[] = [mynah, vallE]
