import { type MelConfig, melPresets, melSpectrogram, resample, toHz, toMel } from '@mynah/audio'
import type { Voice } from '@mynah/core'
import { float32Tensor } from '@mynah/onnx'
import type { Figure, Panel } from './figure.ts'
import { drawMatrix } from './raster.ts'

/** The front-end of Mynah's own codec: what the model hears. */
const config: MelConfig = melPresets.mynah24k
const labelledHz = [250, 500, 1000, 2000, 4000, 8000]
/** Quieter than this below the loudest is black, in natural logarithms of amplitude: 70 dB. */
const shownRange = 8

/** The log-mel spectrogram of a recording. @param samples float32 [S] mono */
export function drawRecording(title: string, samples: Float32Array, sampleRate: number): Figure {
  const mel = melSpectrogram(resample(samples, sampleRate, config.sampleRate), config) // [80, T]
  let loudest = Number.NEGATIVE_INFINITY
  for (const value of mel.data) loudest = Math.max(loudest, value)
  const raster = drawMatrix(mel, { range: [loudest - shownRange, loudest], cell: { width: 2, height: 3 } })
  const [low, high] = [toMel(config.fMin, config.scale), toMel(config.fMax ?? config.sampleRate / 2, config.scale)]
  const ticks = labelledHz
    .filter(hz => hz <= toHz(high, config.scale))
    .map(hz => ({ position: (toMel(hz, config.scale) - low) / (high - low), label: hz < 1000 ? `${hz} Hz` : `${hz / 1000} kHz` }))
  const panel: Panel = { title: `log-mel, ${config.nMels} bands`, raster, ticks }
  return { title, panels: [panel], extent: { length: samples.length / sampleRate, unit: 'seconds' } }
}

/**
 * The alignment of a voice's prompt, phonemes over frames, and its codes.
 * @param symbols of the bundle that made it, by phoneme id; ids are shown without
 * @param frameRate Hz; the axis counts frames without
 */
export function drawVoice(title: string, voice: Voice, bundle?: { symbols: readonly string[]; frameRate: number }): Figure {
  const [codebooks = 1, frames = 1] = voice.codes.shape
  const { phonemes, durations } = voice
  const alignment = new Float32Array(phonemes.length * frames) // [P, T]
  let frame = 0
  for (const [index, duration] of durations.entries()) {
    alignment.fill(1, index * frames + frame, index * frames + frame + duration)
    frame += duration
  }
  const cell = { width: 4, height: 10 }
  const largest = voice.codes.data.reduce((max, code) => Math.max(max, code), 1)
  const panels: Panel[] = [
    {
      title: 'alignment: phonemes over time',
      raster: drawMatrix(float32Tensor(alignment, [phonemes.length, frames]), { range: [0, 1], cell }),
      ticks: [...phonemes].map((id, index) => ({ position: (index + 0.5) / phonemes.length, label: bundle?.symbols[id] ?? String(id) })),
    },
    {
      title: 'codes, first codebook at the bottom',
      raster: drawMatrix(float32Tensor(Float32Array.from(voice.codes.data), [codebooks, frames]), { range: [0, largest], cell }),
      ticks: Array.from({ length: codebooks }, (_, index) => ({ position: (index + 0.5) / codebooks, label: String(index + 1) })),
    },
  ]
  return { title, panels, extent: bundle ? { length: frames / bundle.frameRate, unit: 'seconds' } : { length: frames, unit: 'frames' } }
}
