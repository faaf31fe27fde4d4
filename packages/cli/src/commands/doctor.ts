import { availableParallelism, cpus, totalmem } from 'node:os'
import { createSynthesizer } from '@mynah/core'
import { type DeviceReport, type DeviceSpeed, probeDevices, runtimeVersion } from '@mynah/onnx'
import { type Command, sharedOptions } from '../arguments.ts'
import { createProgress, toColumns, writeJson, writeLines } from '../terminal.ts'

const leastNode = 20
/** Short, and still every model of the bundle runs. */
const spokenCheck = 'Hello.'

interface Check {
  readonly name: string
  readonly ok: boolean
  readonly found: string
}

/** `mynah doctor`: does this machine have what speaking needs? */
export const doctor: Command = {
  name: 'doctor',
  operands: '',
  summary: 'Check Node, ONNX Runtime, the devices that work here, how fast they are, and the embedded model',
  details: ['Exit code 1 if something that speaking needs is missing; a GPU is not among it.'],
  options: { json: sharedOptions.json },
  examples: [['mynah doctor', 'what to paste into a bug report']],

  async run(args, terminal) {
    using progress = createProgress(terminal)
    const major = Number(process.versions.node.split('.')[0])
    progress.show('trying and measuring devices …')
    const devices = await probeDevices()
    progress.show('speaking …')
    const checks: Check[] = [
      { name: 'node', ok: major >= leastNode, found: `${process.version}${major >= leastNode ? '' : `, expected ${leastNode} or later`}` },
      { name: 'machine', ok: true, found: describeMachine() },
      { name: 'onnxruntime', ok: true, found: runtimeVersion() },
      ...devices.map(describeDevice),
      await checkModel(),
    ]
    const needed = checks.filter(({ name }) => !devices.some(({ device }) => device === name && device !== 'cpu'))
    const ok = needed.every(check => check.ok)
    progress[Symbol.dispose]()
    if (args.flag('json')) await writeJson(terminal.stdout, { ok, checks })
    else await writeLines(terminal.stdout, toColumns(checks.map(check => [check.ok ? 'ok' : '--', check.name, check.found])))
    return ok
  },
}

function describeMachine(): string {
  const model = cpus()[0]?.model.trim() ?? 'unknown processor'
  return `${process.platform}/${process.arch}, ${model}, ${availableParallelism()} threads, ${(totalmem() / 2 ** 30).toFixed(1)} GiB`
}

function describeDevice({ device, ok, reason, speed }: DeviceReport): Check {
  if (!ok) return { name: device, ok, found: reason ?? 'does not work' }
  return { name: device, ok, found: speed ? describeSpeed(device, speed) : 'works; too slow to be measured' }
}

/** Of two small graphs: convolutions, of which vocoders and codecs are made, and a step of an autoregressive model. */
function describeSpeed(device: string, { convolutionsMs, stepMs, cpu, software }: DeviceSpeed): string {
  const beside = (ms: number, ofCpu: number) =>
    device === 'cpu'
      ? ''
      : ms < ofCpu
        ? ` (${(ofCpu / ms).toFixed(1)} × as fast as the CPU)`
        : ` (${(ms / ofCpu).toFixed(1)} × the time of the CPU)`
  const convolutions = `${convolutionsMs.toFixed(2)} ms for convolutions${beside(convolutionsMs, cpu.convolutionsMs)}`
  const step = `${stepMs.toFixed(2)} ms for a step${beside(stepMs, cpu.stepMs)}`
  return `works${software ? ', on a software adapter, which computes on the CPU' : ''}: ${convolutions}, ${step}`
}

/** Loads the embedded bundle, which compares every file with its sha256, and speaks. */
async function checkModel(): Promise<Check> {
  try {
    await using mynah = await createSynthesizer({ device: 'cpu' })
    const { durationSeconds, warnings } = await mynah.synthesize(spokenCheck)
    const { name, language } = mynah.bundle
    const found = [`${name} (${language}), ${mynah.voices.length} voices, spoke for ${durationSeconds.toFixed(2)} s`, ...warnings].join(
      '; ',
    )
    return { name: 'model', ok: warnings.length === 0, found }
  } catch (error) {
    return { name: 'model', ok: false, found: (error as Error).message }
  }
}
