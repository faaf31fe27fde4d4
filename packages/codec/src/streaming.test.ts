import { join } from 'node:path'
import { concat, createRuntime, float32Tensor, loadWeights, type Runtime, slice, type Tensor } from '@mynah/onnx'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { checkpointOf, goldenFolder, largestDifference, startPatienceMs, tolerance } from './codec.contract.ts'
import type { AudioCodec, CodecSegment } from './codec.ts'
import { Columns } from './columns.ts'
import { loadCodec } from './load.ts'

type Wave = Tensor<'float32'>

/** The waveform in chunks of these lengths, over and over. */
function* chunksOf({ data, shape }: Wave, lengths: readonly number[]): Generator<Wave> {
  const [channels, samples] = shape as [number, number]
  const queue = new Columns(channels)
  queue.push({ dtype: 'float32', shape: [channels, samples], data })
  for (let i = 0; queue.length > 0; i++) yield queue.take(Math.min(queue.length, lengths[i % lengths.length]!))
}

/** All codes of a stream side by side, row by row. */
function joinCodes(parts: readonly CodecSegment[]): number[][] {
  return Array.from({ length: parts[0]!.codes.shape[0]! }, (_, k) =>
    parts.flatMap(({ codes: { data, shape } }) => Array.from(data.subarray(k * shape[1]!, (k + 1) * shape[1]!))),
  )
}

/** Codes in pieces of `frames` frames. */
function* splitCodes(codes: Tensor<'int32'>, frames: number): Generator<CodecSegment> {
  const total = codes.shape[1]!
  for (let start = 0; start < total; start += frames) yield { codes: slice(codes, start, Math.min(total, start + frames)) }
}

const all = async <T>(stream: AsyncIterable<T>): Promise<T[]> => {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

let runtime: Runtime
beforeAll(async () => {
  runtime = await createRuntime({ device: 'cpu', threads: 1 })
}, startPatienceMs)
afterAll(() => runtime?.dispose())

describe.each([
  { folder: 'encodec/24khz', runs: ['', '_2', '_3'], firstFrames: 7 },
  { folder: 'encodec/24khz-short', runs: ['', '_2', '_3', '_4', '_5', '_6', '_7'], firstFrames: 7 },
  { folder: 'encodec/transformers-24khz', runs: ['', '_2', '_3', '_4'], firstFrames: 7 },
  { folder: 'encodec/transformers-constant', runs: ['', '_2'], firstFrames: 1 }, // zeros instead of reflections
  { folder: 'encodec/soundstream-like-no-lstm', runs: ['', '_2'], firstFrames: 7 },
])('streams of $folder', ({ folder, runs, firstFrames }) => {
  const path = goldenFolder(folder)
  describe.skipIf(!path)(`${path ? 'golden' : 'not in this clone'}`, () => {
    let codec: AudioCodec
    const io = path ? loadWeights(join(path, 'io.safetensors')) : undefined
    const audio = (run: string): Wave => ({ ...io!.get(`audio_in${run}`), shape: io!.shape(`audio_in${run}`).slice(-2) })
    beforeAll(async () => {
      codec = await loadCodec(checkpointOf(path!), { runtime })
    }, startPatienceMs)
    afterAll(() => codec?.[Symbol.asyncDispose]())

    it.each(runs)('join into the codes and the waveform of the whole, whatever the chunks: audio_in%s', async run => {
      const wave = audio(run)
      const whole = await codec.encode(wave)
      const decoded = await codec.decode(whole)
      const frames = whole.shape[1]!
      const hop = codec.samplesPerFrame
      for (const lengths of [[hop], [hop - 1, 1, 2 * hop], [3 * hop + 40, 7], [37], [wave.shape[1]!]]) {
        const parts = await all(codec.encodeStream(chunksOf(wave, lengths)))
        expect(joinCodes(parts)).toEqual(joinCodes([{ codes: whole }]))
        const pieces = await all(codec.decodeStream(parts))
        expect(largestDifference(concat(pieces).data, decoded.data)).toBeLessThan(tolerance)
      }
      for (const size of [1, 3, frames]) {
        const pieces = await all(codec.decodeStream(splitCodes(whole, size)))
        expect(largestDifference(concat(pieces).data, decoded.data)).toBeLessThan(tolerance)
      }
    })

    it('open and take chunks and codes one by one, none and the last ones too', async () => {
      const wave = audio('')
      const whole = await codec.encode(wave)
      await using encoder = codec.openEncoder()
      await using decoder = codec.openDecoder()
      const chunks = [...chunksOf(wave, [2 * codec.samplesPerFrame + 7])]
      const codes: CodecSegment[] = []
      const sound: Wave[] = []
      for (const chunk of chunks) {
        const segments = await encoder.push(chunk)
        codes.push(...segments)
        sound.push(await decoder.push(segments))
      }
      const rest = await encoder.push(new Float32Array(0), true)
      sound.push(await decoder.push(rest, true))
      expect(joinCodes([...codes, ...rest])).toEqual(joinCodes([{ codes: whole }]))
      expect(largestDifference(concat(sound).data, (await codec.decode(whole)).data)).toBeLessThan(tolerance)
      await expect(encoder.push(wave)).rejects.toThrow(/has ended/)
      await expect(decoder.push(rest)).rejects.toThrow(/has ended/)
      await expect(codec.openEncoder().push(float32Tensor([], [1, 0]), true)).rejects.toThrow(/without samples/)
    })

    it(`give codes after ${firstFrames} frames and then with every frame, and audio likewise`, async () => {
      const wave = audio('')
      let [fed, given] = [0, 0]
      async function* microphone() {
        for (const chunk of chunksOf(wave, [codec.samplesPerFrame])) {
          // Before the next frame is asked for, codes of all frames but those of the beginning have come out.
          expect(given).toBe(fed < firstFrames ? 0 : fed)
          fed++
          yield chunk
        }
      }
      let heard = 0
      async function* codes() {
        for await (const part of codec.encodeStream(microphone())) {
          given += part.codes.shape[1]!
          expect(heard).toBe(given - part.codes.shape[1]! >= firstFrames ? (given - part.codes.shape[1]!) * codec.samplesPerFrame : 0)
          yield part
        }
      }
      for await (const piece of codec.decodeStream(codes())) heard += piece.shape[1]!
      expect(heard).toBe(given * codec.samplesPerFrame)
      expect(given).toBe(Math.ceil(wave.shape[1]! / codec.samplesPerFrame))
    })
  })
})

describe('streams of EnCodec 24 kHz', () => {
  const path = goldenFolder('encodec/24khz')!
  const io = loadWeights(join(path, 'io.safetensors'))
  const wave: Wave = { ...io.get('audio_in'), shape: io.shape('audio_in').slice(-2) }
  let codec: AudioCodec
  beforeAll(async () => {
    codec = await loadCodec(checkpointOf(path), { runtime })
  }, startPatienceMs)
  afterAll(() => codec?.[Symbol.asyncDispose]())

  it('equal the whole for any chunks', async () => {
    const whole = joinCodes([{ codes: await codec.encode(wave, { bandwidthKbps: 1.35 }) }])
    const lengths = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(lengths, async chunks => {
        const parts = await all(codec.encodeStream(chunksOf(wave, chunks), { bandwidthKbps: 1.35 }))
        expect(joinCodes(parts)).toEqual(whole)
      }),
      { numRuns: 12 },
    )
  })

  it('run a second at a time however long a chunk is, side by side', async () => {
    const long = Float32Array.from({ length: 60_000 }, (_, i) => 0.5 * Math.sin(i / 15))
    const [parts, again] = await Promise.all([
      all(codec.encodeStream([long])),
      all(codec.encodeStream([long.slice(0, 30_000), long.slice(30_000)])),
    ])
    expect(parts.map(({ codes }) => codes.shape[1])).toEqual([75, 75, 37, 1])
    expect(joinCodes(again)).toEqual(joinCodes(parts))
    expect(joinCodes(parts)).toEqual(joinCodes([{ codes: await codec.encode(long) }]))
  })

  it('take chunks without samples, and refuse streams without any, wrong chunks, codes and bandwidths', async () => {
    const silent = [new Float32Array(0), wave, new Float32Array(0)]
    expect(joinCodes(await all(codec.encodeStream(silent)))).toEqual(joinCodes([{ codes: await codec.encode(wave) }]))
    await expect(all(codec.encodeStream([]))).rejects.toThrow(RangeError)
    await expect(all(codec.encodeStream([new Float32Array(0)]))).rejects.toThrow(/ended without samples/)
    await expect(all(codec.encodeStream([Float32Array.of(0, Number.NaN)]))).rejects.toThrow(/sample 1 is NaN/)
    await expect(all(codec.encodeStream([wave], { bandwidthKbps: 7 }))).rejects.toThrow(/bandwidthKbps is 7, expected one of 1.35/)
    await expect(all(codec.encodeStream([{ dtype: 'float32', shape: [2, 2], data: new Float32Array(4) }]))).rejects.toThrow(/2 channels/)
    const bad: CodecSegment = { codes: { dtype: 'int32', shape: [1, 1], data: Int32Array.of(codec.codebookSize) } }
    await expect(all(codec.decodeStream([bad]))).rejects.toThrow(/outside \[0, \d+\)/)
    expect(await all(codec.decodeStream([]))).toEqual([])
  })

  it('stop when the signal is aborted, or nobody listens any more', async () => {
    const abort = new AbortController()
    const stream = codec.encodeStream(chunksOf(wave, [320]), { signal: abort.signal })
    expect((await stream.next()).value?.codes.shape[1]).toBe(7)
    abort.abort(new Error('enough'))
    await expect(stream.next()).rejects.toThrow('enough')
    for await (const { codes } of codec.encodeStream(chunksOf(wave, [320]))) {
      expect(codes.shape[1]).toBe(7)
      break
    }
    expect((await codec.encode(wave)).shape[1]).toBe(15)
  })
})

describe('streams of EnCodec 48 kHz', () => {
  const path = goldenFolder('encodec/48khz-stereo')!
  const io = loadWeights(join(path, 'io.safetensors'))

  it.each(['', '_2', '_3'])('give the segments and the waveform of the whole: audio_in%s', async run => {
    await using codec = await loadCodec(checkpointOf(path), { runtime })
    const wave: Wave = { ...io.get(`audio_in${run}`), shape: io.shape(`audio_in${run}`).slice(1) }
    const segments = await codec.encodeSegments(wave)
    for (const lengths of [[100], [5000, 3], [wave.shape[1]!]]) {
      expect(await all(codec.encodeStream(chunksOf(wave, lengths)))).toEqual(segments)
    }
    const pieces = await all(codec.decodeStream(segments))
    expect(pieces.length).toBe(segments.length)
    expect(pieces.slice(0, -1).every(({ shape }) => shape[1] === codec.segment!.stride)).toBe(true)
    expect(concat(pieces)).toEqual(await codec.decodeSegments(segments))
  })

  it('refuse segments that do not follow one another', async () => {
    await using codec = await loadCodec(checkpointOf(path), { runtime })
    const frames = (count: number): CodecSegment => ({ codes: { dtype: 'int32', shape: [1, count], data: new Int32Array(count) } })
    const whole = Math.ceil(codec.segment!.length / codec.samplesPerFrame)
    await expect(all(codec.decodeStream([frames(1), frames(whole)]))).rejects.toThrow(/is not the last one/)
    await expect(all(codec.decodeStream([frames(whole), frames(whole + 1)]))).rejects.toThrow(/more than the first one/)
    await expect(all(codec.decodeStream([{ ...frames(whole), scale: Number.NaN }]))).rejects.toThrow(/scale is NaN/)
  })
})

describe.each(['dac/24khz-like', 'snac/24khz-like'])('streams of %s', folder => {
  it('are refused, as it looks ahead', async () => {
    await using codec = await loadCodec(checkpointOf(goldenFolder(folder)!), { runtime })
    await expect(all(codec.encodeStream([new Float32Array(5000)]))).rejects.toThrow(TypeError)
    await expect(all(codec.decodeStream([]))).rejects.toThrow(TypeError)
  })
})
