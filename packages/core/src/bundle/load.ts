import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Runtime } from '@mynah/onnx'
import type { Models } from '../contracts.ts'
import { createFrontEnd } from '../front-end.ts'
import { systemOf } from '../systems/index.ts'
import type { Networks } from '../systems/system.ts'
import { createLexicon } from '../text/lexicon.ts'
import { createPhonemizer, type Phonemizer } from '../text/phonemize.ts'
import type { Bundle } from './open.ts'

/** What the phonemizer reads while the models load: until its code has been compiled, espeak-ng takes half a second and more for a sentence, afterwards a tenth. */
const warmUpTexts = [
  'The old lighthouse keeper counted seven ships before the storm came in.',
  'He came back to the harbour with a broken mast and seven wet sailors.',
]

/**
 * Checks every weight file of a bundle and builds its models; disposing of them and of `runtime` frees everything.
 * @param lexicon pronunciations of words, see `createLexicon`
 * @throws {BundleError} those of `checkFile`; `malformed-manifest` if it contradicts the models
 * @throws {CheckpointError} where tensors are missing or have another shape than the config says
 * @throws {RangeError} for an entry of the lexicon that cannot be used
 */
export async function loadModels(bundle: Bundle, runtime: Runtime, lexicon: Readonly<Record<string, string>> = {}): Promise<Models> {
  const { folder, manifest } = bundle
  const system = systemOf(manifest)
  const phonemizer = createPhonemizer({ lexicon: createLexicon(lexicon) })
  const loading = system.load(folder, manifest, runtime)
  try {
    const { symbols, style } = system.textOf(manifest)
    const frontEnd = createFrontEnd(symbols, phonemizer, style)
    const [networks] = await Promise.all([loading, warmUp(phonemizer)])
    const close = async () => {
      await Promise.all([frontEnd[Symbol.asyncDispose](), networks[Symbol.asyncDispose]()])
    }
    return { ...networks, frontEnd, [Symbol.asyncDispose]: close }
  } catch (error) {
    const [networks] = await Promise.allSettled([loading, phonemizer[Symbol.asyncDispose]()])
    if (networks.status === 'fulfilled') await networks.value[Symbol.asyncDispose]()
    throw error
  }
}

/** Compiling the rules of English takes this thread some time: in turns of the event loop of their own. */
async function warmUp(phonemizer: Phonemizer): Promise<void> {
  for (const text of warmUpTexts) {
    await nextTurn()
    await phonemizer.phonemize(text)
  }
}

/** The networks of a bundle on another runtime: models that share a front-end. */
export function loadNetworks({ folder, manifest }: Bundle, runtime: Runtime): Promise<Networks> {
  return systemOf(manifest).load(folder, manifest, runtime)
}
