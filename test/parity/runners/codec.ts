import { type AudioCodec, fromCodebooks, loadCodec, toCodebooks } from '@mynah/codec'
import type { Tensor } from '@mynah/onnx'
import { type Comparison, countDifferent, largestDifference, type ParityCase, type Runner, withoutBatch } from '../case.ts'

/**
 * Audio → latents, codes and scales; the reference's codes → audio. Names: `codes`, then `_bw{kbps}` or `_nq{codebooks}`, the run and `_seg{i}`, each where there is one
 * (`codes_bw6.0_2_seg1`); SNAC's levels are `codes{level}` and the run.
 */
export const runCodec: Runner = async (parityCase, runtime) => {
  await using codec = await loadCodec(parityCase.checkpoint(), { runtime })
  const names = parityCase.arch === 'encodec' ? ['encodec', 'soundstream'] : [parityCase.arch]
  if (!names.includes(codec.name)) throw new Error(`the checkpoint was taken for ${codec.name}`)
  const comparisons: Comparison[] = []
  for (const input of parityCase.io.names.filter(name => /^audio_in(_\d+)?$/.test(name))) {
    const run = input.slice('audio_in'.length)
    const audio = withoutBatch(parityCase.io.get(input))
    comparisons.push(...(await compareLatents(codec, parityCase, audio, run)))
    const compare = parityCase.io.has(`codes0${run}`) ? compareLevels : compareCodes
    comparisons.push(...(await compare(codec, parityCase, audio, run)))
  }
  return comparisons
}

async function compareLatents(
  codec: AudioCodec,
  { io, tolerance }: ParityCase,
  audio: Tensor<'float32'>,
  run: string,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = []
  for (const output of io.names.filter(name => name.startsWith('latent') && /^latent(_\d+)?(_seg\d+)?$/.test(name))) {
    const [, its = '', segment] = /^latent(_\d+)?(?:_seg(\d+))?$/.exec(output)!
    if (its !== run) continue
    const start = Number(segment ?? 0) * (codec.segment?.stride ?? 0)
    const piece = codec.segment ? slice(audio, start, start + codec.segment.length) : audio
    comparisons.push({ output, error: largestDifference((await codec.latents(piece)).data, io.get(output).data), tolerance })
  }
  return comparisons
}

/** Codes of one rate, for each bandwidth or number of codebooks that the case has. */
async function compareCodes(
  codec: AudioCodec,
  { io, tolerance }: ParityCase,
  audio: Tensor<'float32'>,
  run: string,
): Promise<Comparison[]> {
  const comparisons: Comparison[] = []
  const variants = new Set(
    io.names
      .map(name => /^codes((?:_bw[\d.]+|_nq\d+)?)((?:_\d+)?)(?:_seg\d+)?$/.exec(name))
      .filter(match => match?.[2] === run)
      .map(match => match![1]!),
  )
  for (const variant of variants) {
    const suffix = variant + run
    const kbps = /^_bw([\d.]+)$/.exec(variant)?.[1]
    const levels = /^_nq(\d+)$/.exec(variant)?.[1]
    const segments = await codec.encodeSegments(audio, kbps === undefined ? {} : { bandwidthKbps: Number(kbps) })
    const reference = segments.map(({ codes, scale }, i) => {
      const output = io.has(`codes${suffix}_seg${i}`) ? `codes${suffix}_seg${i}` : `codes${suffix}`
      const expected = toCodes(withoutBatch(io.raw(output)))
      const own = levels === undefined ? codes.data : codes.data.subarray(0, Number(levels) * codes.shape[1]!)
      comparisons.push({ output, error: countDifferent(own, expected.data), tolerance: 0 })
      const named = [`scale${suffix}_seg${i}`, `scale${suffix}`, `scale${run}_seg${i}`].find(name => io.has(name))
      if (scale === undefined || !named) return scale === undefined ? { codes: expected } : { codes: expected, scale }
      const { data } = io.get(named)
      comparisons.push({ output: named, error: largestDifference([scale], data), tolerance })
      return { codes: expected, scale: data[0]! }
    })
    const decoded = await codec.decodeSegments(reference)
    comparisons.push({ output: `audio_out${suffix}`, error: largestDifference(decoded.data, io.get(`audio_out${suffix}`).data), tolerance })
  }
  return comparisons
}

/** Codes of several rates, decoded without noise and with the reference's. */
async function compareLevels(
  codec: AudioCodec,
  { io, tolerance }: ParityCase,
  audio: Tensor<'float32'>,
  run: string,
): Promise<Comparison[]> {
  const expected = codec.strides.map((_, level) => io.raw(`codes${level}${run}`).data as BigInt64Array)
  const own = toCodebooks(await codec.encode(audio), codec.strides)
  const comparisons = expected.map((codes, level) => ({
    output: `codes${level}${run}`,
    error: countDifferent(own[level]!, codes),
    tolerance: 0,
  }))
  const codes = fromCodebooks(
    expected.map(level => Array.from(level, Number)),
    codec.strides,
  )
  const compare = async (output: string, noise?: readonly Float32Array[]) => {
    const decoded = await codec.decode(codes, noise ? { noise } : {})
    comparisons.push({ output, error: largestDifference(decoded.data, io.get(output).data), tolerance })
  }
  await compare(`audio_out${run}`)
  const blocks = io.names.filter(name => /^noise\d+/.test(name) && name.replace(/^noise\d+/, '') === run)
  const byBlock = blocks.toSorted((a, b) => Number.parseInt(a.slice('noise'.length), 10) - Number.parseInt(b.slice('noise'.length), 10))
  if (io.has(`audio_out_noise${run}`)) {
    await compare(
      `audio_out_noise${run}`,
      byBlock.map(name => io.get(name).data),
    )
  }
  return comparisons
}

function toCodes({ shape, data }: Tensor): Tensor<'int32'> {
  return { dtype: 'int32', shape, data: Int32Array.from(data as BigInt64Array, Number) }
}

function slice({ data, shape }: Tensor<'float32'>, start: number, end: number): Tensor<'float32'> {
  const [channels, samples] = shape as [number, number]
  const rows = Array.from({ length: channels }, (_, c) =>
    Array.from(data.subarray(c * samples + start, c * samples + Math.min(end, samples))),
  )
  return { dtype: 'float32', shape: [channels, rows[0]!.length], data: Float32Array.from(rows.flat()) }
}
