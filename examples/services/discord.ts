/**
 * Speech as @discordjs/voice plays it: 48 kHz, stereo, 16 bits. In a bot:
 *   player.play(createAudioResource(await speakStereo(mynah, 'Hello.'), { inputType: StreamType.Raw }))
 */
import { Readable } from 'node:stream'
import { createSynthesizer, type Synthesizer } from '@mynah/core'

/** Speaks into a stream of interleaved stereo samples; destroying it ends the work. */
export function speakStereo(mynah: Synthesizer, text: string): Readable {
  async function* stereo() {
    let odd = Buffer.alloc(0) // a sample that was cut in two
    for await (const piece of mynah.streamAudio(text, { format: 'pcm', sampleRate: 48000 })) {
      const mono = Buffer.concat([odd, piece])
      const samples = mono.length >> 1
      const both = Buffer.alloc(4 * samples)
      for (let i = 0; i < samples; i++) both.writeInt32LE((mono.readInt16LE(2 * i) << 16) | mono.readUInt16LE(2 * i), 4 * i)
      odd = mono.subarray(2 * samples)
      yield both
    }
  }
  return Readable.from(stereo(), { objectMode: false })
}

if (import.meta.filename === process.argv[1]) {
  await using mynah = await createSynthesizer()
  for await (const bytes of speakStereo(mynah, 'Hello from a bird.')) process.stdout.write(bytes) // | ffplay -f s16le -ar 48000 -ch_layout stereo -
}
