import { createRandom } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { frameCount, hannWindow, istft, type StftConfig, stft } from './stft.ts'

function noise(length: number): Float32Array {
  const random = createRandom(length)
  return Float32Array.from({ length }, () => random.normal() / 4)
}

function largestDifference(a: Float32Array, b: Float32Array, from = 0, to = a.length): number {
  let error = 0
  for (let i = from; i < to; i++) error = Math.max(error, Math.abs(a[i]! - b[i]!))
  return error
}

const layouts: [nFft: number, hopLength: number, winLength: number][] = [
  [16, 4, 16],
  [20, 5, 20],
  [64, 16, 48],
  [1024, 256, 1024],
  [1200, 300, 1200],
  [2048, 300, 1200],
  [30, 10, 30],
]

describe('stft and istft', () => {
  for (const [nFft, hopLength, winLength] of layouts) {
    for (const padding of ['center', 'same'] as const) {
      for (const length of [nFft, 7 * hopLength + nFft, 12 * hopLength + nFft + 3]) {
        it(`istft∘stft is the identity: nFft ${nFft}, hop ${hopLength}, window ${winLength}, ${padding}, ${length} samples`, () => {
          const config: StftConfig = { nFft, hopLength, winLength, padding }
          const samples = noise(length)
          const spectrogram = stft(samples, config)
          expect(spectrogram.frames).toBe(frameCount(length, config))
          const whole = istft(spectrogram, config)
          expect(whole.length).toBe(
            (spectrogram.frames - 1) * hopLength + (padding === 'center' ? 0 : hopLength + ((nFft - hopLength) % 2)),
          )
          expect(largestDifference(samples, whole, 0, Math.min(length, whole.length))).toBeLessThan(2e-6)
        })
      }
    }
  }

  it('restores every sample when the length is given, also beyond the last full hop', () => {
    const samples = noise(1000)
    const config: StftConfig = { nFft: 64, hopLength: 16, winLength: 64, padding: 'center' }
    expect(largestDifference(samples, istft(stft(samples, config), config, 1000))).toBeLessThan(2e-6)
  })

  it('gives T = S/hop frames with padding "same" and 1 + ⌊S/hop⌋ with "center"', () => {
    const layout = { nFft: 1200, hopLength: 300, winLength: 1200 }
    expect(frameCount(30_000, { ...layout, padding: 'same' })).toBe(100)
    expect(frameCount(30_000, { ...layout, padding: 'center' })).toBe(101)
    expect(frameCount(30_000, { ...layout, padding: 'none' })).toBe(97)
  })

  it('with padding "same" T·hop samples come back', () => {
    const config: StftConfig = { nFft: 1200, hopLength: 300, winLength: 1200, padding: 'same' }
    expect(istft(stft(noise(3000), config), config).length).toBe(3000)
  })

  it('reflects without repeating the border sample', () => {
    // the frame of "none" over a signal reflected by hand equals the first frame of "center"
    const samples = noise(40)
    const reflected = Float32Array.from({ length: 16 }, (_, n) => samples[Math.abs(n - 8)]!)
    const hand = stft(reflected, { nFft: 16, hopLength: 16, winLength: 16, padding: 'none' })
    const centred = stft(samples, { nFft: 16, hopLength: 40, winLength: 16, padding: 'center' })
    expect(hand.frames).toBe(1)
    for (let k = 0; k < 9; k++) expect(centred.real[k * centred.frames]).toBeCloseTo(hand.real[k]!, 6)
  })

  it('shows a sine of bin k as half the window’s sum in bin k', () => {
    const nFft = 64
    const samples = Float32Array.from({ length: 640 }, (_, n) => Math.cos((2 * Math.PI * 5 * n) / nFft))
    const { real, imaginary, frames } = stft(samples, { nFft, hopLength: 16, winLength: nFft, padding: 'none' })
    const sum = hannWindow(nFft).reduce((total, value) => total + value, 0)
    expect(Math.hypot(real[5 * frames + 3]!, imaginary[5 * frames + 3]!)).toBeCloseTo(sum / 2, 4)
    expect(Math.hypot(real[20 * frames + 3]!, imaginary[20 * frames + 3]!)).toBeLessThan(1e-4)
  })

  it('refuses audio too short to reflect, impossible layouts and holes between windows', () => {
    const layout: StftConfig = { nFft: 16, hopLength: 4, winLength: 16, padding: 'center' }
    expect(() => stft(noise(8), layout)).toThrow(/8 samples, expected at least 9/)
    expect(() => stft(noise(15), { ...layout, padding: 'none' })).toThrow(RangeError)
    expect(() => stft(noise(99), { ...layout, nFft: 15 })).toThrow(RangeError)
    expect(() => stft(noise(99), { ...layout, hopLength: 0 })).toThrow(RangeError)
    expect(() => stft(noise(99), { ...layout, winLength: 17 })).toThrow(RangeError)
    expect(() => stft(noise(99), { ...layout, hopLength: 20, padding: 'same' })).toThrow(RangeError)
    const sparse: StftConfig = { ...layout, winLength: 4, hopLength: 8 }
    expect(() => istft(stft(noise(99), sparse), sparse)).toThrow(/no window covers sample/)
    expect(() => istft({ ...stft(noise(99), layout), bins: 8 }, layout)).toThrow(RangeError)
  })
})
