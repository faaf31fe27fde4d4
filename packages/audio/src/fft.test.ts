import { createRandom } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { realFft } from './fft.ts'

// powers of two, the sizes of published front-ends, odd halves, and halves with large prime factors
const sizes = [2, 4, 6, 8, 10, 12, 14, 16, 18, 22, 50, 64, 98, 120, 202, 256, 300, 512, 600, 640, 882, 1024, 1200, 2048]

function noise(size: number): Float64Array {
  const random = createRandom(size)
  return Float64Array.from({ length: size }, () => random.normal())
}

describe('realFft', () => {
  it.each(sizes)('gives the definition’s sum for size %i', size => {
    const input = noise(size)
    const real = new Float64Array(size / 2 + 1)
    const imaginary = new Float64Array(size / 2 + 1)
    realFft(size).forward(input, real, imaginary)
    let error = 0
    for (let k = 0; k <= size / 2; k++) {
      let re = 0
      let im = 0
      for (let n = 0; n < size; n++) {
        const angle = (-2 * Math.PI * ((k * n) % size)) / size
        re += input[n]! * Math.cos(angle)
        im += input[n]! * Math.sin(angle)
      }
      error = Math.max(error, Math.abs(re - real[k]!), Math.abs(im - imaginary[k]!))
    }
    expect(error).toBeLessThan(1e-13 * size + 1e-13)
  })

  it.each([...sizes, 2 * 1009, 44100])('inverts itself for size %i', size => {
    const input = noise(size)
    const output = new Float64Array(size)
    const real = new Float64Array(size / 2 + 1)
    const imaginary = new Float64Array(size / 2 + 1)
    const fft = realFft(size)
    fft.forward(input, real, imaginary)
    fft.inverse(real, imaginary, output)
    expect(Math.max(...input.map((value, n) => Math.abs(value - output[n]!)))).toBeLessThan(1e-12)
  })

  it('ignores imaginary parts at bins 0 and N/2, like torch.fft.irfft', () => {
    const output = new Float64Array(4)
    realFft(4).inverse(Float64Array.of(4, 0, 0), Float64Array.of(3, 0, 7), output)
    expect([...output]).toEqual([1, 1, 1, 1])
  })

  it('reuses the plan of a size', () => {
    expect(realFft(1200)).toBe(realFft(1200))
  })

  it.each([0, -2, 3, 2.5, Number.NaN, 1])('refuses size %d', size => {
    expect(() => realFft(size)).toThrow(RangeError)
  })
})
