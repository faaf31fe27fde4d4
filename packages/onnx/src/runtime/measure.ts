import { GraphBuilder } from '../graph/graph.ts'
import { float32Tensor, sizeOf, type Tensor } from '../tensor.ts'
import type { DeviceSpeed, Provider, Speed } from './protocol.ts'
import { openSession, type Session } from './session.ts'

/** One run each is enough to see factors; the least of a few is what a busy machine disturbs least. */
const rounds = 5
/** What is slow has lost after one round. */
const mostMs = 500
/** A first run that takes so long is not slow for its shaders alone: it counts, and no other follows. */
const hopelessMs = 3000

interface Measured {
  readonly bytes: Uint8Array
  readonly x: Tensor
}

/**
 * Times a device against the CPU, in turns on the calling thread, so that what else the machine does slows both.
 * @param threads of the CPU
 * @throws {InferenceError} if the device does not run the graphs
 */
export async function measureDevice(device: Provider, threads: number): Promise<DeviceSpeed> {
  const [convolutionsMs, cpuConvolutionsMs] = await race(buildConvolutions(), device, threads)
  const software = device !== 'cpu' && loadsSoftwareDriver() // drivers are loaded by now
  const [stepMs, cpuStepMs] = await race(buildStep(), device, threads)
  const cpu: Speed = { convolutionsMs: cpuConvolutionsMs, stepMs: cpuStepMs }
  return { ...(device === 'cpu' ? cpu : { convolutionsMs, stepMs }), cpu, software }
}

/** The least milliseconds of one run on the device and on the CPU. */
async function race({ bytes, x }: Measured, device: Provider, threads: number): Promise<[number, number]> {
  const sessions: Session[] = []
  try {
    for (const each of [device, 'cpu'] as const) {
      const session = await openSession({ bytes }, { device: each, threads, cpuMemArena: true })
      sessions.push(session)
    }
    const times = async () => [await time(sessions[0]!, x), await time(sessions[1]!, x)] as [number, number]
    const first = await times() // compiles shaders, allocates
    if (first[0] > hopelessMs) return first
    const began = performance.now()
    let least = await times()
    for (let round = 1; round < rounds && performance.now() - began < mostMs; round++) {
      const [onDevice, onCpu] = await times()
      least = [Math.min(least[0], onDevice), Math.min(least[1], onCpu)]
    }
    return least
  } finally {
    for (const session of sessions) await session.release()
  }
}

async function time(session: Session, x: Tensor): Promise<number> {
  const began = performance.now()
  await session.run({ x }, ['y'])
  return performance.now() - began
}

/** What vocoders and codecs are made of: long signals of few channels through wide kernels; 59 million multiplications. */
function buildConvolutions(): Measured {
  const [channels, length, kernel, layers] = [32, 2048, 7, 4]
  const graph = new GraphBuilder('convolutions')
  let y = graph.input('x', 'float32', [1, channels, length])
  for (let i = 0; i < layers; i++) {
    const weight = graph.initializer(`weight${i}`, filled([channels, channels, kernel], 0.001 * (i + 1)))
    y = graph.leakyRelu(graph.conv(y, weight, undefined, { pads: [3, 3] }), 0.1)
  }
  graph.output('y', y)
  return { bytes: graph.build().bytes, x: filled([1, channels, length], 0.1) }
}

/** What autoregressive models do for each token: many small matrices times one vector, one after the other; 1.8 million multiplications. */
function buildStep(): Measured {
  const [width, layers] = [256, 2]
  const graph = new GraphBuilder('step')
  let y = graph.input('x', 'float32', [1, width])
  for (let i = 0; i < layers; i++) {
    const through = (inner: number, name: string) => {
      const into = graph.initializer(`${name}_in${i}`, filled([width, inner], 0.001 * (i + 1)))
      const out = graph.initializer(`${name}_out${i}`, filled([inner, width], 0.002 * (i + 1)))
      return [into, out] as const
    }
    const [query, mixed] = through(3 * width, 'attention')
    y = graph.add(y, graph.matmul(graph.softmax(graph.matmul(y, query)), mixed))
    const [wide, narrow] = through(4 * width, 'feed_forward')
    y = graph.add(y, graph.matmul(graph.relu(graph.matmul(y, wide)), narrow))
  }
  graph.output('y', y)
  return { bytes: graph.build().bytes, x: filled([1, width], 0.1) }
}

/** Any ordinary numbers will do. */
function filled(shape: readonly number[], value: number): Tensor<'float32'> {
  return float32Tensor(new Float32Array(sizeOf(shape)).fill(value), shape)
}

const softwareDrivers = /vk_swiftshader|vulkan_lvp|d3d10warp/i
const hardwareDrivers = /libvulkan_(?!lvp)\w|nvidia|amdvlk|amdxc|nvoglv|igvk/i

/** Whether this process has loaded a graphics driver that computes on the CPU (SwiftShader, llvmpipe, WARP), and none of a GPU. */
function loadsSoftwareDriver(): boolean {
  Object.assign(process.report, { excludeNetwork: true }) // or it asks for the names of hosts
  const { sharedObjects = [] } = process.report.getReport() as { sharedObjects?: readonly string[] }
  return sharedObjects.some(path => softwareDrivers.test(path)) && !sharedObjects.some(path => hardwareDrivers.test(path))
}
