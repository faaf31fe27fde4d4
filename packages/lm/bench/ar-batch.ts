/**
 * Whether the AR steps of several requests in one batch would pay: `tsx --conditions=@mynah/source packages/lm/bench/ar-batch.ts`. Passages of 26 steps through the blocks of the embedded
 * model with 1, 2 and 4 rows on one thread, in turns. The rows share one cache, and are neither drawn nor scored, so that a batch of separate requests can only be slower.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createRuntime, float32Tensor, int64Tensor, loadWeights, Net, rotaryAngles, type Value, writeModel } from '@mynah/onnx'
import type { ArConfig } from '../src/architectures/mynah/config.ts'
import { block } from '../src/architectures/mynah/graphs.ts'

const folder = fileURLToPath(new URL('../../voice-en', import.meta.url))
const config = (JSON.parse(readFileSync(join(folder, 'bundle.json'), 'utf8')) as { ar: { config: ArConfig } }).ar.config
using weights = loadWeights(join(folder, 'ar.safetensors'))
/** A prompt of 4 s and 2 s of speech. */
const pastFrames = 240
const steps = 26
const rounds = 40

function buildSteps(rows: number) {
  const net = new Net('ar-batch', weights)
  const { dim, heads, layers } = config
  const x = net.input('x', 'float32', [1, rows, dim])
  const past = net.input('past', 'float32', [1, heads, pastFrames, dim / heads])
  const trips = net.input('trips', 'int64', [])
  const nothing = net.assume(net.slice(past, 2, 0, 0), [1, heads, 0, dim / heads])
  const { carried } = net.graph.loop({ trips, carried: [x] }, (body, _, [before]) => {
    const inner = net.on(body)
    const rotary = rotaryAngles(body, body.add(body.range(0, body.constant(rows, 'int64')), pastFrames), dim / heads)
    const cache = { past: { key: past, value: past }, recent: { key: nothing, value: nothing } }
    let y = before as Value
    for (let i = 0; i < layers; i++) y = block(inner.at(`blocks.${i}`), y, { precision: 'stored', heads, rotary, cache }).x
    return {
      while: body.less(body.constant(0), body.constant(1)),
      carried: [body.assume(inner.layerNorm('norm', y), before!.shape)],
      scan: [],
    }
  })
  net.output('y', carried[0]!)
  return writeModel(net.toGraph())
}

await using runtime = await createRuntime({ device: 'cpu', threads: 1 })
const batches = await Promise.all(
  [1, 2, 4].map(async rows => {
    const feeds = {
      x: float32Tensor(new Float32Array(rows * config.dim).fill(0.1), [1, rows, config.dim]),
      past: float32Tensor(new Float32Array(pastFrames * config.dim).fill(0.1), [1, config.heads, pastFrames, config.dim / config.heads]),
      trips: int64Tensor([steps], []),
    }
    return { rows, feeds, model: await runtime.load(buildSteps(rows)), best: Number.POSITIVE_INFINITY }
  }),
)
for (let round = 0; round < rounds; round++) {
  for (const batch of batches) {
    const before = process.cpuUsage()
    await batch.model.run(batch.feeds)
    const { user, system } = process.cpuUsage(before)
    batch.best = Math.min(batch.best, (user + system) / 1000)
  }
}
const alone = batches[0]!.best
for (const { rows, best } of batches) {
  const speed = (rows * alone) / best
  process.stdout.write(
    `${rows} rows: ${(best / steps).toFixed(2)} ms a step, ${((1000 * steps * rows) / best).toFixed(0)} frames a second, ${speed.toFixed(2)} times\n`,
  )
}
