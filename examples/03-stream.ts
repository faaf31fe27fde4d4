/**
 * Speaks while the text is still being written, as a chat model would, and pipes raw PCM to whatever plays it:
 *   npx tsx --conditions=@mynah/source examples/03-stream.ts | ffplay -f s16le -ar 24000 -nodisp -autoexit -
 */
import { once } from 'node:events'
import { createSynthesizer } from '@mynah/core'

/** Words as they arrive, cut anywhere. */
async function* writing(): AsyncGenerator<string> {
  for (const piece of ['This sentence is sp', 'oken first. ', 'While you hear it, ', 'the next one is comp', 'uted. ', 'And so on!']) {
    await new Promise(resolve => setTimeout(resolve, 20))
    yield piece
  }
}

await using mynah = await createSynthesizer()
const started = performance.now()
for await (const chunk of mynah.stream(writing(), { seed: 3 })) {
  const words = chunk.words.map(word => word.text).join(' ')
  console.error(`after ${((performance.now() - started) / 1000).toFixed(2)} s: ${chunk.durationSeconds.toFixed(2)} s, "${words}"`)
  if (!process.stdout.write(chunk.toPcm16())) await once(process.stdout, 'drain') // a slow player slows us down
}
