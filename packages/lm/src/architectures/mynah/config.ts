import { z } from 'zod'

const arSchema = z.object({
  symbols: z.int().positive(),
  dim: z.int().positive(),
  heads: z.int().positive(),
  encoderLayers: z.int().nonnegative(),
  layers: z.int().positive(),
  latentDim: z.int().positive(),
  codebookSize: z.int().positive(),
  maxAge: z.int().positive(),
})
const narSchema = arSchema.omit({ maxAge: true, codebookSize: true }).extend({ window: z.int().positive() })

/** Sizes of a frame classifier. */
export const classifierSchema = z.object({
  dim: z.int().positive(),
  layers: z.int().positive(),
  symbols: z.int().positive(),
  nInput: z.int().positive(),
})

const scorerSchema = classifierSchema.extend({
  /** The score from which on a passage needs no other candidate. */
  clear: z.number(),
})

/** What a bundle says of the language model. */
export const schema = z.object({ ar: arSchema, nar: narSchema, scorer: scorerSchema.optional() })

/** Sizes of all its networks. */
export type MynahConfig = z.infer<typeof schema>
/** Sizes of the AR model. */
export type ArConfig = z.infer<typeof arSchema>
/** Sizes of the NAR model. */
export type NarConfig = z.infer<typeof narSchema>
/** Sizes of the aligner. */
export type ClassifierConfig = z.infer<typeof classifierSchema>
/** Sizes of the pronunciation scorer, and what satisfies it. */
export type ScorerConfig = z.infer<typeof scorerSchema>
