import { describe, expect, it } from 'vitest'
import { melSpectrogramInTurns, resampleInTurns } from './in-turns.ts'
import { melPresets, melSpectrogram } from './mel.ts'
import { resample } from './resample.ts'

const samples = Float32Array.from({ length: 50_001 }, (_, i) => Math.sin(i / 7) * Math.cos(i / 1000))

describe('in turns', () => {
  it.each([...[600, 11_999, 12_000, 12_001, 50_001]])(
    '%i samples give the mel spectrogram and the resampled audio of one go',
    async length => {
      const some = samples.subarray(0, length)
      expect(await melSpectrogramInTurns(some, melPresets.mynah24k)).toEqual(melSpectrogram(some, melPresets.mynah24k))
      for (const rate of [16000, 24000, 44100]) expect(await resampleInTurns(some, 24000, rate)).toEqual(resample(some, 24000, rate))
    },
  )

  it('leave the event loop its turns', async () => {
    let turns = 0
    const timer = setInterval(() => turns++, 0)
    await melSpectrogramInTurns(samples, melPresets.mynah24k)
    clearInterval(timer)
    expect(turns).toBeGreaterThan(1)
  })
})
