import { createRandom } from '@mynah/onnx'
import { describe, expect, it } from 'vitest'
import { sample } from './sampling.ts'

const options = { temperature: 1, topK: 0, topP: 1, repetitionPenalty: 1 }

describe('sample', () => {
  it('draws from the topK likeliest codes only, of equal ones from the lower', () => {
    const logits = Float32Array.from({ length: 100 }, (_, i) => (i % 10 === 3 ? 5 : i % 10)) // ten codes each of 0 … 9 but 3, twenty of 5
    const random = createRandom(1)
    const drawn = new Set(Array.from({ length: 2000 }, () => sample(logits, { ...options, topK: 12 }, random)))
    const highest = Array.from(logits.keys()).filter(code => logits[code] === 9)
    expect([...drawn].sort((a, b) => a - b)).toEqual([...highest, 8, 18].sort((a, b) => a - b))
  })

  it('draws each code as often as its probability says', () => {
    const probabilities = [0.5, 0.3, 0.2]
    const random = createRandom(2)
    const counts = [0, 0, 0]
    for (let i = 0; i < 10_000; i++) counts[sample(Float32Array.from(probabilities, Math.log), options, random)]!++
    for (const [code, probability] of probabilities.entries()) expect(counts[code]! / 10_000).toBeCloseTo(probability, 1)
  })

  it('takes the likeliest at temperature 0, and avoids what a repetition penalty is put on', () => {
    const logits = Float32Array.of(1, 3, 2)
    expect(sample(logits, { ...options, temperature: 0 }, createRandom(1))).toBe(1)
    expect(sample(logits, { ...options, temperature: 0, repetitionPenalty: 2 }, createRandom(1), [1])).toBe(2)
  })
})
