/**
 * Says hello with the embedded voice:
 *   npx tsx --conditions=@mynah/source examples/01-hello.ts [hello.wav]
 */
import { createSynthesizer } from '@mynah/core'

const [out = 'hello.wav'] = process.argv.slice(2)

await using mynah = await createSynthesizer() // the embedded model; device: 'auto'
const speech = await mynah.synthesize('Hello! I speak the minute I am installed.', { seed: 7 })
await speech.save(out)

console.log(`${out}: ${speech.durationSeconds.toFixed(2)} s on ${mynah.device}, in ${speech.timings.totalSeconds.toFixed(2)} s`)
for (const { text, startSeconds, endSeconds } of speech.words) {
  console.log(`${startSeconds.toFixed(2)} – ${endSeconds.toFixed(2)}  ${text}`)
}
