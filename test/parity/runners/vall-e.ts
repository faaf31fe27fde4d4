import { loadVallE, sample, type VallE, type VallERequest } from '@mynah/lm'
import { createRandom, type Tensor, type Weights } from '@mynah/onnx'
import { type Comparison, countDifferent, largestDifference, type Runner, runsOf, withoutBatch } from '../case.ts'

/** Errors of logits that leave every code as it is. */
const logitTolerance = 1e-3
const greedy = { temperature: 0, topK: 0, topP: 1, repetitionPenalty: 1 }
/** The prompt goes into the cache at once, one frame a call, and in pieces. */
const chunks = [undefined, 1, 4]

/** Prefill, teacher-forced and greedy steps of the AR model, all stages of the NAR model; each run also with the prompt in chunks. */
export const runVallE: Runner = async ({ io, json, checkpoint }, runtime) => {
  await using model = await loadVallE(checkpoint(), { runtime })
  const expected = json.arch === 'valle-x' ? 'vall-e-x' : 'vall-e'
  if (model.config.name !== expected) throw new Error(`the checkpoint was taken for ${model.config.name}`)
  const comparisons: Comparison[] = []
  for (const run of runsOf(io, 'codes')) {
    const request = readRequest(io, json, run)
    for (const chunkFrames of chunks) {
      const options = chunkFrames === undefined ? {} : { chunkFrames }
      if (io.has(`ar_logits_prefill${run}`)) comparisons.push(...(await compareTeacher(model, io, run, request, options)))
      comparisons.push(...(await compareFirstLogits(model, io, run, request, options)))
    }
    comparisons.push(...(await compareGeneration(model, io, run, request)))
  }
  return comparisons
}

function readRequest(io: Weights, json: Readonly<Record<string, unknown>>, run: string): VallERequest {
  const text = toInt32(withoutBatch(io.raw(`text_tokens${run}`))).data
  const { shape, data } = toInt32(withoutBatch(io.raw(`prompt_tokens${run}`)))
  const [frames, codebooks] = shape as [number, number]
  const codes = Int32Array.from(data, (_, i) => data[(i % frames) * codebooks + Math.floor(i / frames)]!)
  return {
    text,
    promptTextLength: promptTextLength(io, json, run),
    prompt: { dtype: 'int32', shape: [codebooks, frames], data: codes },
    ...(io.has(`text_language_ids${run}`) ? { languages: toInt32(io.raw(`text_language_ids${run}`)).data } : {}),
  }
}

function promptTextLength(io: Weights, json: Readonly<Record<string, unknown>>, run: string): number {
  if (io.has(`enroll_len${run}`)) return toInt32(io.raw(`enroll_len${run}`)).data[0]!
  const runs = (json.runs ?? []) as { run?: number; prompt_text_len?: number }[]
  const length = runs.find(each => each.run === (run === '' ? 1 : Number(run.slice(1))))?.prompt_text_len
  if (length === undefined) throw new Error(`neither enroll_len${run} nor runs[].prompt_text_len say how long the transcript is`)
  return length
}

async function compareTeacher(model: VallE, io: Weights, run: string, request: VallERequest, options: { chunkFrames?: number }) {
  await using decoding = await model.prefill(request, options)
  const label = options.chunkFrames === undefined ? '' : ` (chunks of ${options.chunkFrames})`
  const prefill = largestDifference(decoding.logits, io.get(`ar_logits_prefill${run}`).data)
  const rows: number[] = []
  for (const code of toInt32(io.raw(`teacher_tokens${run}`)).data) {
    await decoding.advance(code)
    rows.push(...decoding.logits)
  }
  return [
    { output: `ar_logits_prefill${run}${label}`, error: prefill, tolerance: logitTolerance },
    {
      output: `ar_logits_teacher${run}${label}`,
      error: largestDifference(rows, io.get(`ar_logits_teacher${run}`).data),
      tolerance: logitTolerance,
    },
  ]
}

/** Logits of the first greedy steps, and the greedy codes to their end. */
async function compareFirstLogits(model: VallE, io: Weights, run: string, request: VallERequest, options: { chunkFrames?: number }) {
  const name = io.names.find(each => new RegExp(`^ar_logits_first\\d+${run}$`).test(each))
  if (!name) return []
  await using decoding = await model.prefill(request, options)
  const [steps] = io.shape(name) as [number]
  const rows: number[] = []
  for (let step = 0; step < steps; step++) {
    rows.push(...decoding.logits)
    await decoding.advance(sample(decoding.logits, greedy, createRandom(0)))
  }
  return [{ output: name, error: largestDifference(rows, io.get(name).data), tolerance: logitTolerance }]
}

async function compareGeneration(model: VallE, io: Weights, run: string, request: VallERequest): Promise<Comparison[]> {
  const { shape, data } = toInt32(withoutBatch(io.raw(`codes${run}`)))
  const [frames, codebooks] = shape as [number, number]
  const reference = Int32Array.from(data, (_, i) => data[(i % frames) * codebooks + Math.floor(i / frames)]!)
  const { codes } = await model.generate(request, { ...greedy, seed: 0 })
  const comparisons: Comparison[] = [{ output: `codes${run}`, error: countDifferent(codes.data, reference), tolerance: 0 }]
  if (io.has(`greedy_ar_tokens${run}`)) {
    const error = countDifferent(codes.data.subarray(0, codes.shape[1]), toInt32(io.raw(`greedy_ar_tokens${run}`)).data)
    comparisons.push({ output: `greedy_ar_tokens${run}`, error, tolerance: 0 })
  }
  const name = `nar_logits_first3${run}`
  if (io.has(name)) {
    const [, rows, size] = io.shape(name) as [number, number, number]
    const logits: number[] = []
    await model.refine(request, reference.subarray(0, frames), {
      onStage: (_, stage) => logits.push(...stage.data.subarray(0, rows * size)),
    })
    comparisons.push({ output: name, error: largestDifference(logits, io.get(name).data), tolerance: logitTolerance })
  }
  return comparisons
}

function toInt32({ shape, data }: Tensor): Tensor<'int32'> {
  return { dtype: 'int32', shape, data: Int32Array.from(data as ArrayLike<number | bigint>, Number) }
}
