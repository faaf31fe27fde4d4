import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { arch, availableParallelism } from 'node:os'
import { dirname, join } from 'node:path'
import { InferenceError } from '../errors.ts'
import { GraphBuilder } from '../graph/graph.ts'
import { workerUrl } from './channel.ts'
import { Host } from './host.ts'
import type { DeviceSpeed, ModelBytes, ProbeReply, Provider } from './protocol.ts'
import { processFlags } from './thread.ts'

/** What a caller asks for; `auto` is the first of `autoOrder` that proves to run, and to be faster than the CPU. */
export type Device = 'auto' | Provider

/** Whether one device works here, and if not, why and what to do. */
export interface DeviceReport {
  readonly device: Provider
  readonly ok: boolean
  /** Why it does not work, or why `auto` left out one that does. */
  readonly reason?: string
  /** Where it was measured. */
  readonly speed?: DeviceSpeed
}

/** The device that was settled on. */
export interface Selected {
  readonly device: Provider
  /** Where graphs with a state run: those of autoregressive models, which take many small steps. */
  readonly stepDevice: Provider
  readonly attempts: readonly DeviceReport[]
}

/** Every known device. */
export const devices: readonly Provider[] = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml']

/**
 * What `auto` tries, in this order; providers that are not compiled into this platform's onnxruntime-node fall out at no cost, so this means
 * CUDA then CPU on Linux, Core ML then CPU on macOS, DirectML then CPU on Windows.
 * WebGPU is left out: ONNX Runtime calls it experimental for Node, and it is compiled in nearly everywhere, so that every start without a GPU would wait for a process
 * that finds this out. Ask for it by name.
 */
export const autoOrder: readonly Provider[] = ['cuda', 'coreml', 'dml', 'cpu']

/** What a device needs where its provider is compiled in but does not start. */
const needs: Readonly<Record<Provider, string>> = {
  cpu: 'a working onnxruntime-node',
  cuda: 'an NVIDIA GPU with its driver, CUDA 12 and cuDNN 9',
  webgpu: 'a GPU driver for Vulkan (Linux), Direct3D 12 (Windows) or Metal (macOS)',
  coreml: 'macOS 10.15 or later',
  dml: 'a GPU with a Direct3D 12 driver',
}

/** Long enough for a driver that compiles shaders or loads CUDA from a cold disk. */
const probeTimeoutMs = 60_000

/** The questions device selection asks, apart so that tests can answer them for machines they do not run on. */
export interface Prober {
  /** Names of the providers compiled into this onnxruntime-node. */
  backends(): Promise<readonly string[]>
  /** Opens and runs a tiny session, and measures the device if asked to; resolves to the reason if it does not work. */
  probe(device: Provider, measured: boolean): Promise<Probed>
}

/** What a probe found. */
export type Probed = Pick<DeviceReport, 'reason' | 'speed'>

/** Speeds by device and threads: measured once in a process. */
const speeds = new Map<string, DeviceSpeed>()

/** Probes through `host` for the CPU; every other device first in a process of its own, where a driver may crash or print, then in the worker. */
export function createProber(host: Host, threads: number): Prober {
  return {
    backends: () => host.call({ kind: 'backends' }, { where: 'createRuntime' }),
    async probe(device, measured) {
      const source = buildProbe()
      const key = `${device} ${threads}`
      if (!speeds.has(key) && (device !== 'cpu' || measured)) {
        const missing = device === 'cuda' ? missingCudaFiles() : undefined
        const { reason, speed } = missing ? { reason: missing } : await probeInProcess(device, source, measured ? threads : undefined)
        if (reason) return { reason: `${reason}; it needs ${needs[device]}` }
        if (speed) speeds.set(key, speed)
      }
      try {
        await host.call({ kind: 'probe', device, source }, { where: device })
      } catch (error) {
        if (device === 'cpu') throw error
        return { reason: (error as Error).message }
      }
      const speed = speeds.get(key)
      return speed ? { speed } : {}
    },
  }
}

/**
 * Settles on a device: the named one for everything, or for `auto` the first of `autoOrder` that proves to run, and convolutions faster than the CPU; what takes small
 * steps goes there only if these are faster, too.
 * @throws {TypeError} for an unknown device
 * @throws {InferenceError} `device-unavailable` if the named one does not work: never a silent fallback
 */
export async function selectDevice(device: Device, prober: Prober): Promise<Selected> {
  if (device !== 'auto' && !devices.includes(device)) {
    throw new TypeError(`createRuntime: device is ${JSON.stringify(device)}, expected one of auto, ${devices.join(', ')}`)
  }
  const backends = await prober.backends()
  const attempts: DeviceReport[] = []
  for (const candidate of device === 'auto' ? autoOrder : [device]) {
    const measured = device === 'auto' && candidate !== 'cpu'
    const report = await probeDevice(candidate, backends, prober, measured)
    const slower = measured && report.ok && whySlower(report.speed)
    attempts.push(slower ? { ...report, reason: slower } : report)
    if (!report.ok || slower) continue
    return { device: candidate, stepDevice: measured && !isFasterAtSteps(report.speed) ? 'cpu' : candidate, attempts }
  }
  const reasons = attempts.map(({ device, reason }) => `${device}: ${reason}`).join('; ')
  throw new InferenceError(`createRuntime: ${reasons}. Use device "auto" or "cpu", or run \`mynah doctor\` to see what works here`, {
    code: 'device-unavailable',
  })
}

/** Why a device is not worth taking; undefined if it is. */
function whySlower(speed: DeviceSpeed | undefined): string | undefined {
  if (!speed) return 'too slow to be measured'
  const { convolutionsMs, cpu } = speed
  if (convolutionsMs < cpu.convolutionsMs) return undefined
  return `slower than the CPU: ${convolutionsMs.toFixed(1)} ms against ${cpu.convolutionsMs.toFixed(1)} ms for the same convolutions`
}

function isFasterAtSteps(speed: DeviceSpeed | undefined): boolean {
  return speed !== undefined && speed.stepMs < speed.cpu.stepMs
}

/** The physical cores (half of the logical ones but on ARM), at most 4. */
export function defaultThreads(): number {
  const logical = availableParallelism()
  return Math.min(4, arch() === 'arm64' ? logical : Math.ceil(logical / 2))
}

/** Tries and measures every known device on this machine. For `mynah doctor`; takes up to some seconds per device. */
export async function probeDevices(): Promise<DeviceReport[]> {
  const host = new Host()
  try {
    const prober = createProber(host, defaultThreads())
    const backends = await prober.backends()
    const reports: DeviceReport[] = []
    for (const device of devices) reports.push(await probeDevice(device, backends, prober, true))
    return reports
  } finally {
    await host.dispose()
  }
}

async function probeDevice(device: Provider, backends: readonly string[], prober: Prober, measured: boolean): Promise<DeviceReport> {
  const probed = backends.includes(device) ? await prober.probe(device, measured) : { reason: notCompiledIn(device, backends) }
  return { device, ok: probed.reason === undefined, ...probed }
}

function notCompiledIn(device: Provider, backends: readonly string[]): string {
  const home = { cpu: 'every platform', cuda: 'Linux x64', webgpu: 'x64 and macOS', coreml: 'macOS', dml: 'Windows' }[device]
  return `onnxruntime-node for ${process.platform}/${process.arch} has ${backends.join(', ')} only; ${device} is for ${home}`
}

/** y = x + x over four floats. */
function buildProbe(): ModelBytes {
  const graph = new GraphBuilder('probe')
  const x = graph.input('x', 'float32', [4])
  graph.output('y', graph.add(x, x))
  return { bytes: graph.build().bytes }
}

/** Says so when the files that onnxruntime-node's install script downloads are not there, which spares starting a process to find out. */
function missingCudaFiles(): string | undefined {
  const root = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'))
  const folder = join(root, 'bin', 'napi-v6', process.platform, process.arch)
  if (!existsSync(folder) || existsSync(join(folder, 'libonnxruntime_providers_cuda.so'))) return undefined
  return `the CUDA files of onnxruntime-node are not installed. Its install script downloads them on Linux x64, and pnpm, yarn and new npm skip such scripts: allow it (pnpm approve-builds) and reinstall`
}

/** The C++ file, function and condition that ONNX Runtime puts before what it has to say. */
const sourceLocation = /\/onnxruntime_src\/.* was false\. /s

/** Runs the probe in a child process with its output dropped, and measures if `threads` are given; resolves to the speed, or the reason of a failure, a crash or a timeout. */
function probeInProcess(device: Provider, { bytes }: ModelBytes, threads: number | undefined): Promise<Probed> {
  return new Promise(resolve => {
    const words = ['probe', device, Buffer.from(bytes).toString('base64'), ...(threads === undefined ? [] : [String(threads)])]
    const child = fork(workerUrl, words, {
      execArgv: [...processFlags],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const settle = (reason: string | undefined, speed?: DeviceSpeed) => {
      clearTimeout(timer)
      child.kill('SIGKILL') // not a clean exit: some drivers crash in their exit handlers
      resolve({ ...(reason === undefined ? {} : { reason }), ...(speed ? { speed } : {}) })
    }
    let timer = setTimeout(() => settle(`the driver did not answer within ${probeTimeoutMs / 1000} s`), probeTimeoutMs)
    child.on('message', (reply: ProbeReply) => {
      if (!reply.ok) settle(reply.message.replace(sourceLocation, ''))
      else if (reply.speed || threads === undefined) settle(undefined, reply.speed)
      else {
        clearTimeout(timer) // it works; too slow to be measured is no reason to refuse it by name
        timer = setTimeout(() => settle(undefined), probeTimeoutMs)
      }
    })
    child.once('error', error => settle(error.message))
    child.once('exit', (code, signal) => settle(`the driver ended the probing process (${signal ?? `exit code ${code}`})`))
  })
}
