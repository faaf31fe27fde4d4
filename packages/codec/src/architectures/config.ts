import { CheckpointError, type Weights } from '@mynah/onnx'
import { z } from 'zod'

/**
 * Checks a published config after bringing its field names to one spelling; fields that the schema does not know are ignored.
 * @throws {CheckpointError} `missing-config` if it is undefined, `bad-config` if it does not fit
 */
export function parseConfig<S extends z.ZodType>(
  name: string,
  weights: Weights,
  schema: S,
  config: unknown,
  renames: Readonly<Record<string, string>> = {},
): z.infer<S> {
  if (config === undefined) {
    throw new CheckpointError(
      `${name}: ${weights.source} has no config and is no published size; pass config, or put config.json beside it`,
      {
        code: 'missing-config',
      },
    )
  }
  const fields = typeof config === 'object' && config !== null ? Object.entries(config) : undefined
  const parsed = schema.safeParse(fields ? Object.fromEntries(fields.map(([key, value]) => [renames[key] ?? key, value])) : config)
  if (parsed.success) return parsed.data
  throw new CheckpointError(`${name}: the config of ${weights.source}: ${z.prettifyError(parsed.error)}`, {
    code: 'bad-config',
    cause: parsed.error,
  })
}

/** @throws {CheckpointError} `config-mismatch` if a configured value is not what the weights have */
export function expectEqual(weights: Weights, field: string, configured: number | string | undefined, found: number | string): void {
  if (configured === undefined || configured === found) return
  throw new CheckpointError(
    `${weights.source}: config says ${field} ${configured}, the weights have ${found}; does the config belong to this checkpoint?`,
    { code: 'config-mismatch' },
  )
}

/** @throws {CheckpointError} `unexpected-tensor` if weights were left over that training alone does not explain */
export function expectAllRead(name: string, weights: Weights, trainingOnly?: RegExp): void {
  const left = weights.unread().filter(tensor => !trainingOnly?.test(tensor))
  if (left.length === 0) return
  throw new CheckpointError(`${name}: ${weights.source} has ${left.length} tensors that it does not use: ${left.slice(0, 4).join(', ')}`, {
    code: 'unexpected-tensor',
  })
}
