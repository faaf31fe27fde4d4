import { type Bundle, loadBundleVoice } from '../bundle/open.ts'
import type { Models } from '../contracts.ts'
import { VoiceError } from '../errors.ts'
import { checkVoice } from './check.ts'
import type { Voice } from './voice.ts'

/** The voices of a bundle, each loaded once, and whether others fit to its models. */
export class ReadyVoices {
  readonly #bundle: Bundle
  readonly #models: Models
  readonly #symbols: number
  readonly #ready = new Map<string, Promise<Voice>>()

  /** @param symbols of the bundle's phoneme table */
  constructor(bundle: Bundle, models: Models, symbols: number) {
    this.#bundle = bundle
    this.#models = models
    this.#symbols = symbols
  }

  /** @throws {RangeError} if the bundle has none of that name; {BundleError} if its file is missing or corrupted */
  load(name: string): Promise<Voice> {
    const loading = this.#ready.get(name) ?? loadBundleVoice(this.#bundle, name)
    this.#ready.set(name, loading)
    loading.catch(() => this.#ready.delete(name)) // a later call tries again
    return loading
  }

  /** The voice of that name, if the bundle has it. */
  find(name: string): Promise<Voice> | undefined {
    return this.#bundle.manifest.voices.some(voice => voice.name === name) ? this.resolve(name) : undefined
  }

  /**
   * @param voice the bundle's first by default
   * @throws {VoiceError} `codec-mismatch`; as `load` and `checkVoice`
   */
  async resolve(voice: Voice | string | undefined): Promise<Voice> {
    const { manifest } = this.#bundle
    const chosen = voice ?? manifest.voices[0]?.name
    if (chosen === undefined) throw new RangeError(`voice: ${manifest.name} has no ready voices; pass one from createVoice or Voice.load`)
    const resolved = typeof chosen === 'string' ? await this.load(chosen) : chosen
    const { codecId, codec } = this.#models
    if (resolved.codec !== codecId) {
      throw new VoiceError(
        `voice "${resolved.name}" was made with codec ${resolved.codec}, ${manifest.name} has ${codecId}; create it again from its recording`,
        { code: 'codec-mismatch' },
      )
    }
    checkVoice(resolved, { codebookSize: codec.codebookSize, symbols: this.#symbols })
    return resolved
  }
}
