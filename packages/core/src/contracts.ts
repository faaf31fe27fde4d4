/**
 * The four models that speech is made of, as `pipeline.ts` sees them. Each comes from its own package; this file is where they meet.
 */
import type { Codec } from '@mynah/codec'
import type { Aligner, LanguageModel } from '@mynah/lm'
import type { Tensor } from '@mynah/onnx'
import type { Vocoder } from '@mynah/vocoder'
import type { FrontEnd } from './front-end.ts'

export type { Codec } from '@mynah/codec'
export type { Aligner, Generated, GenerateOptions, LanguageModel, Prompt } from '@mynah/lm'
export type { Vocoder } from '@mynah/vocoder'

/** Finds the durations of a prompt. */
export interface PromptAligner {
  /** Built when the first voice is created. */
  load(): Promise<Aligner>
  /** Mono samples [S] at `sampleRate` → log-mel float32 [160, T], T = ⌈S / samplesPerFrame⌉. */
  features(waveform: Float32Array): Promise<Tensor<'float32'>>
}

/** The parts of one bundle, ready to run on one runtime. Disposing of them closes the bundle's files and ends the front-end; the runtime goes on. */
export interface Models extends AsyncDisposable {
  /** Text → phoneme ids of this bundle. */
  readonly frontEnd: FrontEnd
  /** Prompt audio → codes. */
  readonly codec: Codec
  /** Says which codec wrote the codes of a voice: architecture and sha256. */
  readonly codecId: string
  /** Prompt audio and transcript → durations; undefined for a language model that needs none. */
  readonly aligner: PromptAligner | undefined
  /** Phoneme ids and prompt → codec latents. */
  readonly lm: LanguageModel
  /** Codec latents → samples. */
  readonly vocoder: Vocoder
  /** How many of the codec's codebooks the language model speaks, the first ones: so many have the codes of a voice. */
  readonly spokenCodebooks: number
  /** What every speech of these models has to say, in sentences. */
  readonly warnings?: readonly string[]
}
