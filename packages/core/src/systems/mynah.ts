import { join } from 'node:path'
import { loadMynahCodec } from '@mynah/codec'
import { type Aligner, loadAligner, loadLanguageModel, type PauseSymbols } from '@mynah/lm'
import { Resources } from '@mynah/onnx'
import { loadVocoder } from '@mynah/vocoder'
import { z } from 'zod'
import { type BundlePart, headFields, partFields, samplingFields, uniqueNames, voiceFields } from '../bundle/fields.ts'
import { checkClaims, checkFile } from '../bundle/files.ts'
import { mynahStyle } from '../phoneme-sequence.ts'
import type { System } from './system.ts'

/** The phoneme of silence before and after an utterance. */
const boundary = 0
const pauseMarks = ' ,.;:!?'

/** More symbols than the whole of Unicode's phonetic blocks. */
const maxPhonemes = 4096

const fields = headFields.extend({
  phonemes: z
    .array(z.string().refine(symbol => [...symbol].length === 1, 'expected one character'))
    .min(2)
    .max(maxPhonemes)
    .refine(symbols => new Set(symbols).size === symbols.length, 'expected every symbol once'),
  codec: partFields,
  vocoder: partFields,
  ar: partFields,
  nar: partFields,
  aligner: partFields,
  scorer: partFields.optional(),
  sampling: samplingFields,
  voices: z.array(voiceFields).refine(...uniqueNames),
})

/** Bundles made before 0.2 call the scorer a listener, and candidates takes. */
const schema = z.preprocess(renameOld, fields)

function renameOld(json: unknown): unknown {
  const { listener, ...manifest } = json as Record<string, unknown>
  const sampling = manifest.sampling
  if (listener !== undefined) manifest.scorer = listener
  if (typeof sampling === 'object' && sampling !== null && 'takes' in sampling) {
    const { takes, ...others } = sampling
    manifest.sampling = { candidates: takes, ...others }
  }
  return manifest
}

/** `bundle.json` of Mynah's own models. Written by `training/export/export.py`. */
export type MynahManifest = z.infer<typeof fields>

/** Mynah's own models: codec, decoder, AR and NAR model, aligner and pronunciation scorer. */
export const mynah: System<MynahManifest> = {
  name: 'mynah',
  architectures: {
    codec: ['mynah-codec'],
    vocoder: ['mynah-decoder'],
    ar: ['mynah-ar'],
    nar: ['mynah-nar'],
    aligner: ['mynah-aligner'],
    scorer: ['mynah-scorer', 'mynah-listener'],
  },
  schema,
  lacks: {
    language: 'it speaks one language',
    repetitionAware: 'it goes from phoneme to phoneme and cannot get stuck',
  },
  detect: json => 'ar' in json,
  textOf: ({ phonemes }) => ({ symbols: phonemes, style: mynahStyle }),

  async load(folder, manifest, runtime) {
    const { codec, vocoder, ar, nar, aligner, scorer } = manifest
    const parts = { codec, ar, nar, ...(scorer ? { scorer } : {}) }
    await Promise.all([vocoder, aligner, ...Object.values(parts)].map(part => checkFile(folder, part)))
    const at = (part: BundlePart) => join(folder, part.file)
    const of = <T>(pick: (part: BundlePart) => T) => Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, pick(part)]))
    const resources = new Resources()
    try {
      const decoder = resources.add(await loadVocoder(at(vocoder), { config: vocoder.config, runtime }))
      const mynahCodec = resources.add(await loadMynahCodec(at(codec), codec.config, runtime))
      const lm = resources.add(await loadLanguageModel(of(at), { config: of(part => part.config), runtime }))
      checkClaims(folder, manifest, { codec: mynahCodec, vocoder: decoder, lm, symbols: manifest.phonemes.length })
      let loading: Promise<Aligner> | undefined
      const loadOnce = () => {
        loading ??= loadAligner(at(aligner), aligner.config, runtime, pausesOf(manifest.phonemes)).then(each => resources.add(each))
        loading.catch(() => {
          loading = undefined // the next call tries again
        })
        return loading
      }
      return {
        codec: mynahCodec,
        codecId: `${codec.architecture}@${codec.sha256}`,
        spokenCodebooks: mynahCodec.codebooks,
        aligner: { load: loadOnce, features: waveform => mynahCodec.features(waveform) },
        lm,
        vocoder: decoder,
        [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
      }
    } catch (error) {
      await resources[Symbol.asyncDispose]()
      throw error
    }
  },
}

/** What may be silence in a recording. A table without space or comma writes pauses as boundaries. */
function pausesOf(phonemes: readonly string[]): PauseSymbols {
  const idOf = (symbol: string) => Math.max(boundary, phonemes.indexOf(symbol))
  return { silent: [...new Set([boundary, ...[...pauseMarks].map(idOf)])], space: idOf(' '), comma: idOf(',') }
}
