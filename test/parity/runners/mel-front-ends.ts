import { join } from 'node:path'
import { type MelConfig, melSpectrogram } from '@mynah/audio'
import { loadWeights } from '@mynah/onnx'
import { asRecord, type Comparison, largestDifference, type Runner } from '../case.ts'

/** One case.json lists all front-ends; each has a file of its own: wave → log-mel. */
export const runMelFrontEnds: Runner = async ({ folder, json }) => {
  if (!Array.isArray(json.cases)) throw new Error('case.json has no list "cases"')
  return json.cases.flatMap(entry => runFrontEnd(folder, asRecord(entry)))
}

function runFrontEnd(folder: string, entry: Readonly<Record<string, unknown>>): Comparison[] {
  const output = String(entry.name)
  const config = readParameters(asRecord(entry.params), Number(entry.sampling_rate))
  const tolerance = asRecord(entry.tolerance)
  using io = loadWeights(join(folder, String(entry.file)))
  const mel = melSpectrogram(io.get('wave').data, config)
  const expected = io.get('log_mel').data
  const toLinear = (value: number) => (config.log === 'ln' ? Math.exp(value) : 10 ** value)
  const linear = largestDifference(Array.from(mel.data, toLinear), Array.from(expected, toLinear))
  return [
    { output, error: largestDifference(mel.data, expected), tolerance: Number(tolerance.suggested_max_abs_log) },
    { output: `${output} without logarithm`, error: linear, tolerance: Number(tolerance.suggested_max_abs_linear) },
  ]
}

function readParameters(params: Readonly<Record<string, unknown>>, sampleRate: number): MelConfig {
  const number = (name: string) => {
    const value = params[name]
    if (typeof value !== 'number') throw new Error(`params.${name} is ${JSON.stringify(value)}, expected a number`)
    return value
  }
  return {
    sampleRate,
    nFft: number('n_fft'),
    hopLength: number('hop'),
    winLength: number('win'),
    nMels: number('n_mels'),
    fMin: number('fmin'),
    fMax: String(params.fmax).startsWith('null') ? null : number('fmax'),
    scale: params.scale as MelConfig['scale'],
    norm: params.norm === null ? 'none' : (params.norm as MelConfig['norm']),
    magnitude: String(params.magnitude).startsWith('abs') ? 'abs' : 'sqrt-eps',
    log: params.log as MelConfig['log'],
    floor: number('floor'),
    padding: /center on/.test(String(params.padding)) ? 'center' : 'same',
  }
}
