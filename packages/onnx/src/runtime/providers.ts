import { fork } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { InferenceError } from '../errors.ts'
import { GraphBuilder } from '../graph/graph.ts'
import { workerUrl } from './channel.ts'
import { Host } from './host.ts'
import type { ModelBytes, Provider, Reply } from './protocol.ts'
import { processFlags } from './thread.ts'

/** What a caller asks for; `auto` is the first of `autoOrder` that proves to run. */
export type Device = 'auto' | Provider

/** Whether one device works here, and if not, why and what to do. */
export interface DeviceReport {
  readonly device: Provider
  readonly ok: boolean
  readonly reason?: string
}

/** Every known device. */
export const devices: readonly Provider[] = ['cpu', 'cuda', 'webgpu', 'coreml', 'dml']

/**
 * What `auto` tries, in this order; providers that are not compiled into this platform's onnxruntime-node fall out at no cost, so this means
 * CUDA then CPU on Linux, Core ML then CPU on macOS, DirectML then CPU on Windows.
 * WebGPU is left out: ONNX Runtime calls it experimental for Node, it starts on software adapters far slower than the CPU, and a probe cannot
 * tell. Ask for it by name.
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
  /** Opens and runs a tiny session; resolves to undefined, or to the reason why not. */
  probe(device: Provider): Promise<string | undefined>
}

/** Probes through `host` for the CPU; every other device first in a process of its own, where a driver may crash or print, then in the worker. */
export function createProber(host: Host): Prober {
  return {
    backends: () => host.call({ kind: 'backends' }, { where: 'createRuntime' }),
    async probe(device) {
      const source = buildProbe()
      if (device !== 'cpu') {
        const reason = (device === 'cuda' ? missingCudaFiles() : undefined) ?? (await probeInProcess(device, source))
        if (reason) return `${reason}; it needs ${needs[device]}`
      }
      try {
        await host.call({ kind: 'probe', device, source }, { where: device })
        return undefined
      } catch (error) {
        if (device === 'cpu') throw error
        return (error as Error).message
      }
    },
  }
}

/**
 * Settles on a device: the named one, or for `auto` the first of `autoOrder` that proves to run.
 * @throws {TypeError} for an unknown device
 * @throws {InferenceError} `device-unavailable` if the named one does not work: never a silent fallback
 */
export async function selectDevice(device: Device, prober: Prober): Promise<{ device: Provider; attempts: DeviceReport[] }> {
  if (device !== 'auto' && !devices.includes(device)) {
    throw new TypeError(`createRuntime: device is ${JSON.stringify(device)}, expected one of auto, ${devices.join(', ')}`)
  }
  const backends = await prober.backends()
  const attempts: DeviceReport[] = []
  for (const candidate of device === 'auto' ? autoOrder : [device]) {
    const report = await probeDevice(candidate, backends, prober)
    attempts.push(report)
    if (report.ok) return { device: candidate, attempts }
  }
  const reasons = attempts.map(({ device, reason }) => `${device}: ${reason}`).join('; ')
  throw new InferenceError(`createRuntime: ${reasons}. Use device "auto" or "cpu", or run \`mynah doctor\` to see what works here`, {
    code: 'device-unavailable',
  })
}

/** Tries every known device on this machine, each with a tiny session. For `mynah doctor`; takes up to a second per GPU provider. */
export async function probeDevices(): Promise<DeviceReport[]> {
  const host = new Host()
  try {
    const prober = createProber(host)
    const backends = await prober.backends()
    const reports: DeviceReport[] = []
    for (const device of devices) reports.push(await probeDevice(device, backends, prober))
    return reports
  } finally {
    await host.dispose()
  }
}

async function probeDevice(device: Provider, backends: readonly string[], prober: Prober): Promise<DeviceReport> {
  const reason = backends.includes(device) ? await prober.probe(device) : notCompiledIn(device, backends)
  return reason === undefined ? { device, ok: true } : { device, ok: false, reason }
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

/** Runs the probe in a child process with its output dropped; resolves to the reason of a failure, a crash or a timeout. */
function probeInProcess(device: Provider, { bytes }: ModelBytes): Promise<string | undefined> {
  return new Promise(resolve => {
    const child = fork(workerUrl, ['probe', device, Buffer.from(bytes).toString('base64')], {
      execArgv: [...processFlags],
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    })
    const settle = (reason: string | undefined) => {
      clearTimeout(timer)
      child.kill('SIGKILL') // not a clean exit: some drivers crash in their exit handlers
      resolve(reason)
    }
    const timer = setTimeout(() => settle(`the driver did not answer within ${probeTimeoutMs / 1000} s`), probeTimeoutMs)
    child.once('message', (reply: Reply) => settle(reply.ok ? undefined : reply.message.replace(sourceLocation, '')))
    child.once('error', error => settle(error.message))
    child.once('exit', (code, signal) => settle(`the driver ended the probing process (${signal ?? `exit code ${code}`})`))
  })
}
