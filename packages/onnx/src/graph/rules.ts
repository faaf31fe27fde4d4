import type { Rule } from './inference.ts'
import { layoutRules } from './rules-layout.ts'
import { mathRules } from './rules-math.ts'
import { neuralRules } from './rules-neural.ts'

/** Operator → what comes out of it. An operator that is not here states its outputs itself. */
export const rules: ReadonlyMap<string, Rule> = new Map([...mathRules, ...layoutRules, ...neuralRules])
