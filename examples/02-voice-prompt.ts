/**
 * Speaks in the voice of a recording, and keeps the voice for later:
 *   npx tsx --conditions=@mynah/source examples/02-voice-prompt.ts [cloned.wav] [cloned.voice.safetensors]
 */
import { fileURLToPath } from 'node:url'
import { createSynthesizer, Voice } from '@mynah/core'

const [out = 'cloned.wav', voiceFile = 'cloned.voice.safetensors'] = process.argv.slice(2)

await using mynah = await createSynthesizer()
const voice = await mynah.createVoice({
  audio: fileURLToPath(new URL('recording.opus', import.meta.url)),
  transcript: 'Only, it is so wonderful, so almost impossible to believe.',
  name: 'kathleen',
  consent: 'The speaker dedicated her recordings to the public domain.', // clone only voices whose owner agreed
  licence: 'CC0-1.0 (rhasspy/dataset-voice-kathleen)',
})
for (const warning of voice.warnings) console.log(`warning: ${warning}`)
await voice.save(voiceFile)

const speech = await mynah.synthesize('I can say anything in this voice now.', { voice: await Voice.load(voiceFile), seed: 1 })
await speech.save(out)
console.log(`${out}: ${speech.durationSeconds.toFixed(2)} s in the voice of ${voice.name}; ${voiceFile} keeps it`)
