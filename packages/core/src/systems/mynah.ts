import { join } from 'node:path'
import { loadMynahCodec } from '@mynah/codec'
import { type Aligner, loadMynahAligner, loadMynahLm, type PauseSymbols } from '@mynah/lm'
import { loadWeights, type Runtime, type Weights } from '@mynah/onnx'
import { loadMynahDecoder } from '@mynah/vocoder'
import { z } from 'zod'
import { type BundlePart, headFields, partFields, samplingFields, uniqueNames, voiceFields } from '../bundle/fields.ts'
import { checkClaims, checkFile } from '../bundle/files.ts'
import { mynahStyle } from '../front-end.ts'
import type { Networks, System } from './system.ts'

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
    const parts = [manifest.codec, manifest.vocoder, manifest.ar, manifest.nar, manifest.aligner, manifest.scorer]
    await Promise.all(parts.map(part => part && checkFile(folder, part)))
    // The files stay open: what is needed later is read later, and what a crash of the inference thread takes is read again.
    const files: Weights[] = []
    const close = async () => {
      for (const file of files) file.close()
    }
    const open = ({ file }: BundlePart) => {
      const weights = loadWeights(join(folder, file))
      files.push(weights)
      return weights
    }
    try {
      return { ...(await loadNetworks(folder, manifest, open, runtime)), [Symbol.asyncDispose]: close }
    } catch (error) {
      await close()
      throw error
    }
  },
}

/** What may be silence in a recording: undefined where the phonemes lack a space or a comma. */
function pausesOf(phonemes: readonly string[]): PauseSymbols | undefined {
  const [space, comma] = [phonemes.indexOf(' '), phonemes.indexOf(',')]
  const silent = [boundary, ...[...pauseMarks].map(mark => phonemes.indexOf(mark)).filter(id => id > 0)]
  return space > 0 && comma > 0 ? { silent, space, comma } : undefined
}

async function loadNetworks(
  folder: string,
  manifest: MynahManifest,
  open: (part: BundlePart) => Weights,
  runtime: Runtime,
): Promise<Omit<Networks, typeof Symbol.asyncDispose>> {
  const { ar, nar, aligner, scorer } = manifest
  const part = (each: BundlePart) => ({ weights: open(each), config: each.config })
  const vocoder = await loadMynahDecoder(open(manifest.vocoder), manifest.vocoder.config, runtime)
  const codec = await loadMynahCodec(open(manifest.codec), manifest.codec.config, runtime)
  checkClaims(folder, manifest, { codec, vocoder })
  const lm = await loadMynahLm({ ar: part(ar), nar: part(nar), listener: scorer && part(scorer), codebook: codec.codebook }, runtime)
  let loading: Promise<Aligner> | undefined
  return {
    codec,
    codecId: `${manifest.codec.architecture}@${manifest.codec.sha256}`,
    spokenCodebooks: codec.codebooks,
    aligner: {
      load() {
        loading ??= loadMynahAligner(open(aligner), aligner.config, runtime, pausesOf(manifest.phonemes))
        loading.catch(() => {
          loading = undefined // the next call tries again
        })
        return loading
      },
      features: waveform => codec.features(waveform),
    },
    lm,
    vocoder,
  }
}
