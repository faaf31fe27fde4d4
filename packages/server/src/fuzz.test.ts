import { expect, it } from 'vitest'
import { fuzzBodies } from './fuzz.fixture.ts'

/** 300 by default; MYNAH_FUZZ_RUNS=10000 takes minutes. */
const runs = Number(process.env.MYNAH_FUZZ_RUNS ?? 300)

it(`answers ${runs} bodies of all kinds with JSON that says what is wrong, never with 500`, { timeout: 60_000 + 100 * runs }, async () => {
  const statuses = await fuzzBodies(runs, 1)
  expect([...statuses.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(runs)
  expect(statuses.get(400)).toBeGreaterThan(runs / 10)
  expect(statuses.get(200)).toBeGreaterThan(0)
})
