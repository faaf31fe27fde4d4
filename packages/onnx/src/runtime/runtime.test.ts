import { expect, it } from 'vitest'
import { createRuntime } from './runtime.ts'

it('x', async () => {
  const r = await createRuntime({ device: 'cpu' })
  expect(r.device).toBe('cpu')
  await r.dispose()
})
