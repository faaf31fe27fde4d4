import { describe, expect, it } from 'vitest'
import { GraphBuilder } from '../graph/graph.ts'
import { largestDifference, randomTensor, runGraph } from '../graph/run.fixture.ts'
import { createRandom } from '../random.ts'
import { float32Tensor, type Tensor } from '../tensor.ts'
import { hannWindow, type IstftConfig, istft } from './istft.ts'

const random = createRandom(9)

/** STFT by the definition, frames starting at −cut: real and imaginary parts [1, bins, T]. */
function stft(
  samples: Float32Array,
  window: Float32Array,
  hopLength: number,
  cut: number,
  frames: number,
): { real: Tensor; imaginary: Tensor } {
  const nFft = window.length
  const bins = nFft / 2 + 1
  const [real, imaginary] = [new Float32Array(bins * frames), new Float32Array(bins * frames)]
  for (let t = 0; t < frames; t++) {
    for (let bin = 0; bin < bins; bin++) {
      let [a, b] = [0, 0]
      for (let n = 0; n < nFft; n++) {
        const value = window[n]! * (samples[t * hopLength + n - cut] ?? 0)
        a += value * Math.cos((2 * Math.PI * bin * n) / nFft)
        b -= value * Math.sin((2 * Math.PI * bin * n) / nFft)
      }
      real[bin * frames + t] = a
      imaginary[bin * frames + t] = b
    }
  }
  const shape = [1, bins, frames]
  return { real: float32Tensor(real, shape), imaginary: float32Tensor(imaginary, shape) }
}

async function run(spectrum: { real: Tensor; imaginary: Tensor }, config: IstftConfig, expectedShape: string): Promise<Float32Array> {
  const graph = new GraphBuilder('istft')
  const bins = config.nFft / 2 + 1
  const y = istft(graph, graph.input('real', 'float32', ['B', bins, 'T']), graph.input('imaginary', 'float32', ['B', bins, 'T']), config)
  expect(y.shape).toEqual(['B', 1, expectedShape])
  graph.output('y', y)
  return (await runGraph(graph, spectrum)).y!.data as Float32Array
}

describe('istft', () => {
  it('with centre padding inverts the STFT exactly, (T − 1)·hop samples', async () => {
    const [nFft, hopLength, frames] = [32, 8, 9]
    const samples = randomTensor(random, [(frames - 1) * hopLength]).data
    const spectrum = stft(samples, hannWindow(nFft), hopLength, nFft / 2, frames)
    const y = await run(spectrum, { nFft, hopLength, padding: 'center' }, 'T*8-8')
    expect(largestDifference(y, samples)).toBeLessThan(1e-5)
  })

  it('with same padding inverts the STFT exactly, T·hop samples', async () => {
    const [nFft, hopLength, frames] = [40, 10, 7]
    const samples = randomTensor(random, [frames * hopLength]).data
    const spectrum = stft(samples, hannWindow(nFft), hopLength, (nFft - hopLength) / 2, frames)
    const y = await run(spectrum, { nFft, hopLength, padding: 'same' }, 'T*10')
    expect(largestDifference(y, samples)).toBeLessThan(1e-5)
  })

  it('inverts the STFT of a window shorter than nFft', async () => {
    const [nFft, hopLength, frames] = [32, 4, 9]
    const window = new Float32Array(nFft)
    window.set(hannWindow(16), 8)
    const samples = randomTensor(random, [(frames - 1) * hopLength]).data
    const spectrum = stft(samples, window, hopLength, nFft / 2, frames)
    const y = await run(spectrum, { nFft, hopLength, padding: 'center', window: hannWindow(16) }, 'T*4-4')
    expect(largestDifference(y, samples)).toBeLessThan(1e-5)
  })

  it('ignores imaginary parts of DC and Nyquist, as torch.istft does', async () => {
    const [nFft, hopLength] = [16, 4]
    const shape = [1, 9, 5]
    const [real, imaginary] = [randomTensor(random, shape), randomTensor(random, shape)]
    const altered = float32Tensor(imaginary.data.slice(), shape)
    altered.data.fill(7, 0, 5)
    altered.data.fill(-7, 8 * 5)
    const config = { nFft, hopLength, padding: 'center' } as const
    expect(await run({ real, imaginary: altered }, config, 'T*4-4')).toEqual(await run({ real, imaginary }, config, 'T*4-4'))
  })

  it('rejects sizes whose halves are not whole', () => {
    const graph = new GraphBuilder('istft')
    const part = graph.input('part', 'float32', [1, 9, 'T'])
    expect(() => istft(graph, part, part, { nFft: 16, hopLength: 5, padding: 'same' })).toThrow(/nFft 16 and hopLength 5/)
  })
})
