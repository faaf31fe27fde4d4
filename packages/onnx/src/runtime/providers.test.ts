import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it } from 'vitest'

import type { DeviceSpeed, Provider } from './protocol.ts'
import { type Device, devices, type Prober, probeDevices, selectDevice } from './providers.ts'
import { createRuntime } from './runtime.ts'
import { processFlags } from './thread.ts'

const cpu = { convolutionsMs: 10, stepMs: 1 }
const faster: DeviceSpeed = { convolutionsMs: 1, stepMs: 0.5, cpu, software: false }

/** A machine whose onnxruntime-node has `backends`, of which `broken` do not work; the others are as fast as `speed` says. */
function machine(
  backends: string[],
  broken: Partial<Record<Provider, string>> = {},
  speed: DeviceSpeed | undefined = faster,
): Prober & { probed: Provider[] } {
  const probed: Provider[] = []
  return {
    probed,
    backends: async () => backends,
    async probe(device, measured) {
      probed.push(device)
      const reason = broken[device]
      return { ...(reason ? { reason } : {}), ...(measured && speed ? { speed } : {}) }
    },
  }
}

describe('selectDevice', () => {
  it('takes the first of cuda, coreml, dml and cpu that runs, and reports the others', async () => {
    const choose = async (prober: Prober) => (await selectDevice('auto', prober)).device
    expect(await choose(machine(['cpu', 'webgpu', 'cuda']))).toBe('cuda')
    expect(await choose(machine(['cpu', 'webgpu', 'coreml']))).toBe('coreml')
    expect(await choose(machine(['cpu', 'webgpu', 'dml']))).toBe('dml')
    const { device, attempts } = await selectDevice('auto', machine(['cpu', 'webgpu', 'cuda'], { cuda: 'no CUDA device' }))
    expect(device).toBe('cpu')
    expect(attempts.map(({ device, ok }) => [device, ok])).toEqual([
      ['cuda', false],
      ['coreml', false],
      ['dml', false],
      ['cpu', true],
    ])
    expect(attempts[0]!.reason).toBe('no CUDA device')
    expect(attempts[1]!.reason).toMatch(/coreml is for macOS/)
  })

  it('auto never takes what convolves slower than the CPU, and says so', async () => {
    const slow = machine(['cpu', 'cuda'], {}, { ...faster, convolutionsMs: 10.5 })
    const { device, stepDevice, attempts } = await selectDevice('auto', slow)
    expect([device, stepDevice]).toEqual(['cpu', 'cpu'])
    expect(attempts[0]).toMatchObject({
      device: 'cuda',
      ok: true,
      reason: 'slower than the CPU: 10.5 ms against 10.0 ms for the same convolutions',
    })
    expect((await selectDevice('cuda', slow)).device).toBe('cuda')
  })

  it('auto leaves small steps on the CPU unless the device is faster at these, too', async () => {
    const chosen = async (device: Device, speed: DeviceSpeed) => {
      const { device: first, stepDevice } = await selectDevice(device, machine(['cpu', 'cuda'], {}, speed))
      return [first, stepDevice]
    }
    expect(await chosen('auto', { ...faster, stepMs: 2 })).toEqual(['cuda', 'cpu'])
    expect(await chosen('auto', faster)).toEqual(['cuda', 'cuda'])
    expect(await chosen('cuda', { ...faster, stepMs: 2 })).toEqual(['cuda', 'cuda'])
    const endless: Prober = { backends: async () => ['cpu', 'cuda'], probe: async () => ({}) } // works, and was not measured in time
    expect((await selectDevice('auto', endless)).device).toBe('cpu')
  })

  it('never probes what is not compiled in, nor WebGPU unasked', async () => {
    const prober = machine(['cpu', 'webgpu', 'cuda', 'tensorrt'], { cuda: 'none' })
    await selectDevice('auto', prober)
    expect(prober.probed).toEqual(['cuda', 'cpu'])
    expect((await selectDevice('webgpu', prober)).device).toBe('webgpu')
  })

  it('refuses a named device that does not work instead of falling back', async () => {
    const failing = selectDevice('cuda', machine(['cpu', 'cuda'], { cuda: 'no driver' }))
    await expect(failing).rejects.toMatchObject({ name: 'InferenceError', code: 'device-unavailable' })
    await expect(failing).rejects.toThrow(/cuda: no driver. Use device "auto" or "cpu".*mynah doctor/)
    await expect(selectDevice('dml', machine(['cpu']))).rejects.toThrow(/dml is for Windows/)
  })
})

describe('on this machine', () => {
  it('an unknown device is a TypeError that lists the known ones', async () => {
    for (const device of ['gpu', 'constructor', '', null]) {
      await expect(createRuntime({ device: device as Device })).rejects.toThrow(TypeError)
    }
    await expect(createRuntime({ device: 'gpu' as Device })).rejects.toThrow(/"gpu", expected one of auto, cpu, cuda, webgpu, coreml, dml/)
  })

  it('probeDevices reports every device, each consistent with asking for it by name', async () => {
    const reports = await probeDevices()
    expect(reports.map(({ device }) => device)).toEqual(devices)
    expect(reports[0]).toMatchObject({ device: 'cpu', ok: true, speed: { software: false } })
    expect(reports[0]!.speed!.stepMs).toBeGreaterThan(0)
    expect(reports[0]!.speed!.convolutionsMs).toBeGreaterThan(0)
    for (const { device, ok, reason } of reports) {
      if (ok) {
        await using runtime = await createRuntime({ device })
        expect(runtime.device).toBe(device)
      } else {
        await expect(createRuntime({ device })).rejects.toMatchObject({ code: 'device-unavailable' })
        expect(reason).toMatch(/\w/)
      }
    }
  })

  it('probing prints nothing, whatever drivers say', async () => {
    const program = `
      import { probeDevices } from ${JSON.stringify(new URL('./providers.ts', import.meta.url).href)}
      process.stdout.write(String((await probeDevices()).length))`
    const args = [...processFlags, '--conditions=@mynah/source', '--input-type=module', '-e', program]
    const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { timeout: 60_000 })
    expect({ stdout, stderr }).toEqual({ stdout: '5', stderr: '' })
  })
})
