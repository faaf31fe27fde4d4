import { InferenceError } from '../errors.ts'
import { GraphBuilder } from '../graph/graph.ts'
import type { OnnxModel } from '../graph/model.ts'

/** Where inference runs. `auto` takes the first of cuda, coreml (macOS), dml (Windows), cpu that works; webgpu only runs when asked for. */
export type Device = 'auto' | 'cpu' | 'cuda' | 'webgpu' | 'coreml' | 'dml'

/** What became of trying a device. */
export interface DeviceReport {
  readonly device: Exclude<Device, 'auto'>
  readonly works: boolean
  /** Why it does not work. */
  readonly reason?: string
}

/** Every device name that Mynah knows. */
export const devices: readonly Device[] = ['auto', 'cpu', 'cuda', 'webgpu', 'coreml', 'dml']

/** Devices that exist on a platform, best first. ONNX Runtime silently drops dml and coreml elsewhere, so they are never tried there. */
export function candidates(platform: NodeJS.Platform = process.platform): Exclude<Device, 'auto'>[] {
  if (platform === 'darwin') return ['coreml', 'webgpu', 'cpu']
  if (platform === 'win32') return ['cuda', 'dml', 'webgpu', 'cpu']
  return ['cuda', 'webgpu', 'cpu']
}

/** The smallest model that proves a device: y = x + x. */
export function probeModel(): OnnxModel {
  const graph = new GraphBuilder('probe')
  const x = graph.input('x', 'float32', [1])
  graph.output('y', graph.add(x, x))
  return graph.build()
}

/**
 * Chooses a device by trying it.
 * @param probe rejects with the reason if the device does not run a model
 * @throws {TypeError} for an unknown device name
 * @throws {InferenceError} `device-unavailable` if the device that was asked for does not work
 */
export async function chooseDevice(device: Device, probe: (device: Exclude<Device, 'auto'>) => Promise<void>): Promise<Exclude<Device, 'auto'>> {
  if (!devices.includes(device)) throw new TypeError(`device is ${JSON.stringify(device)}, expected one of ${devices.join(', ')}`)
  if (device === 'cpu') return 'cpu'
  const present = candidates()
  if (device !== 'auto') {
    if (!present.includes(device)) {
      throw new InferenceError(`device ${device} does not exist on ${process.platform}; use one of auto, ${present.join(', ')}`, { code: 'device-unavailable' })
    }
    try {
      await probe(device)
      return device
    } catch (error) {
      throw new InferenceError(`device ${device} does not work here: ${(error as Error).message}; install its libraries, or use device 'auto' or 'cpu'`, {
        code: 'device-unavailable',
        cause: error,
      })
    }
  }
  for (const candidate of present) {
    if (candidate === 'cpu' || candidate === 'webgpu') continue
    try {
      await probe(candidate)
      return candidate
    } catch {
      // Not there: the next one.
    }
  }
  return 'cpu'
}
