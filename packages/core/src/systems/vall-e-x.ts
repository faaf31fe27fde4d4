import { join } from 'node:path'
import { loadCodec } from '@mynah/codec'
import { createVallELanguageModel, loadVallE } from '@mynah/lm'
import { loadVocoder } from '@mynah/vocoder'
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
import { checkClaims, checkFile, malformedManifest } from '../bundle/files.ts'
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
    speed: "VALL-E X speaks at the prompt's rate",
    candidates: 'VALL-E X cannot score what it speaks',
  },
  detect: json => 'lm' in json,
  textOf: () => ({ symbols: vallEXSymbols, style: vallEXStyle }),

  async load(folder, manifest, runtime) {
    const { lm, codec, vocoder } = manifest
    await Promise.all([lm, codec, vocoder].map(part => checkFile(folder, part)))
    const opened: AsyncDisposable[] = []
    const close = async () => {
      await Promise.all(opened.map(each => each[Symbol.asyncDispose]()))
    }
    const keep = <T extends AsyncDisposable>(each: T): T => {
      opened.push(each)
      return each
    }
    const at = ({ file, config }: BundlePart) => [join(folder, file), { runtime, ...(config ? { config } : {}) }] as const
    try {
      const [lmPath, lmOptions] = at(lm)
      const valle = keep(await loadVallE(lmPath, { ...lmOptions, dtype: lm.dtype }))
      const encodec = keep(await loadCodec(...at(codec)))
      const vocos = keep(await loadVocoder(...at(vocoder)))
      checkClaims(folder, manifest, { codec: encodec, vocoder: vocos })
      const { codebooks, audioTokens, textTokens } = valle.config
      const misfit =
        codebooks > encodec.codebooks || audioTokens !== encodec.codebookSize
          ? `the language model speaks ${codebooks} codebooks of ${audioTokens}, its codec has ${encodec.codebooks} of ${encodec.codebookSize}`
          : textTokens < vallEXSymbols.length
            ? `the language model knows ${textTokens} text tokens, VALL-E X has ${vallEXSymbols.length}`
            : undefined
      if (misfit) throw malformedManifest(folder, `${misfit}; do these files belong together?`)
      return {
        codec: encodec,
        codecId: `${codec.architecture}@${codec.sha256}`,
        spokenCodebooks: codebooks,
        aligner: undefined,
        lm: createVallELanguageModel(valle, codes => vocos.toFeatures(codes, { codebookSize: audioTokens })),
        vocoder: decodeDirectly(vocos, kbpsOf({ codec: encodec, spokenCodebooks: codebooks })),
        [Symbol.asyncDispose]: close,
      }
    } catch (error) {
      await close()
      throw error
    }
  },
}
