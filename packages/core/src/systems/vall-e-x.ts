import { join } from 'node:path'
import { loadCodec } from '@mynah/codec'
import { type LanguageModel, loadLanguageModel } from '@mynah/lm'
import { Resources, type Tensor } from '@mynah/onnx'
import { loadVocoder, type MelVocoder } from '@mynah/vocoder'
import { z } from 'zod'
import {
  type BundlePart,
  headFields,
  publishedPartFields,
  samplingFields,
  sha256Field,
  uniqueNames,
  voiceFields,
} from '../bundle/fields.ts'
import { checkClaims, checkFile } from '../bundle/files.ts'
import { vallEXStyle, vallEXSymbols } from '../text/vall-e-x.ts'
import { decodeDirectly, kbpsOf } from '../vocoder.ts'
import type { System } from './system.ts'

const schema = headFields.extend({
  lm: publishedPartFields.extend({ dtype: z.enum(['float32', 'int8', 'int4']).default('float32') }),
  codec: publishedPartFields.extend({ sha256: sha256Field }), // it names the codec in voices
  vocoder: publishedPartFields,
  sampling: samplingFields
    .extend({
      temperature: samplingFields.shape.temperature.default(1),
      topK: samplingFields.shape.topK.default(0),
      topP: samplingFields.shape.topP.default(1),
      repetitionPenalty: samplingFields.shape.repetitionPenalty.default(1),
    })
    .prefault({}),
  voices: z
    .array(voiceFields.partial({ sha256: true }))
    .default([])
    .refine(...uniqueNames),
})

/** `bundle.json` of published checkpoints: a language model, a codec and a vocoder. Written by hand: docs/formats/bundle.md. */
export type PublishedManifest = z.infer<typeof schema>

/** Published checkpoints: VALL-E X, EnCodec and Vocos for EnCodec. */
export const vallEX: System<PublishedManifest> = {
  name: 'vall-e-x',
  architectures: { lm: ['vall-e-x'], codec: ['encodec'], vocoder: ['vocos'] },
  schema,
  lacks: {
    candidates: 'VALL-E X cannot score what it speaks',
  },
  detect: json => 'lm' in json,
  textOf: () => ({ symbols: vallEXSymbols, style: vallEXStyle }),

  async load(folder, manifest, runtime) {
    const { lm, codec, vocoder } = manifest
    await Promise.all([lm, codec, vocoder].map(part => checkFile(folder, part)))
    const at = ({ file, config }: BundlePart) => [join(folder, file), { runtime, ...(config ? { config } : {}) }] as const
    const resources = new Resources()
    try {
      let vocos: MelVocoder
      const toLatents = (codes: Tensor<'int32'>): Tensor<'float32'> => vocos.toFeatures(codes, { codebookSize: valle.codebookSize })
      const [path, options] = at(lm)
      const valle: LanguageModel = resources.add(await loadLanguageModel(path, { ...options, weightType: lm.dtype, toLatents }))
      const encodec = resources.add(await loadCodec(...at(codec)))
      vocos = resources.add(await loadVocoder(...at(vocoder)))
      checkClaims(folder, manifest, { codec: encodec, vocoder: vocos, lm: valle, symbols: vallEXSymbols.length })
      return {
        codec: encodec,
        codecId: `${codec.architecture}@${codec.sha256}`,
        spokenCodebooks: valle.codebooks,
        aligner: undefined,
        lm: valle,
        ...decodeDirectly(vocos, kbpsOf({ codec: encodec, spokenCodebooks: valle.codebooks })),
        [Symbol.asyncDispose]: () => resources[Symbol.asyncDispose](),
      }
    } catch (error) {
      await resources[Symbol.asyncDispose]()
      throw error
    }
  },
}
