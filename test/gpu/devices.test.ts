import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import type { Found } from './compared.ts'

/** A Vulkan driver that computes on the CPU, which Debian's package chromium brings. */
const swiftShader = '/usr/lib/chromium/vk_swiftshader_icd.json'
/** WebGPU promises the sine, which Snake is made of, to 2⁻¹¹ only. */
const tolerance = 1e-3
const asked = process.env.MYNAH_GPU === '1'
/** Shaders are compiled for every graph, and a software adapter computes them on a CPU that may be busy. */
const timeout = 1_200_000

describe.skipIf(!asked)(`devices against the CPU${asked ? '' : ' (skipped: run pnpm test:gpu)'}`, { timeout }, () => {
  it.for(['webgpu', 'cuda'])(`golden vocoders and codecs sound on %s as on the CPU, within ${tolerance}`, async (device, context) => {
    let found = await compare(device, {})
    if ('unavailable' in found && device === 'webgpu' && existsSync(swiftShader))
      found = await compare(device, { VK_ICD_FILENAMES: swiftShader })
    if ('unavailable' in found) return context.skip(found.unavailable)
    expect(found.comparisons.length).toBeGreaterThan(10)
    for (const { what, lengths, largest, peak } of found.comparisons) {
      expect(lengths[0], what).toBe(lengths[1])
      expect(peak, what).toBeGreaterThan(0.01)
      expect(largest ?? Number.NaN, what).toBeLessThanOrEqual(tolerance * Math.max(1, peak)) // latents have any scale
    }
  })
})

function compare(device: string, environment: NodeJS.ProcessEnv): Promise<Found> {
  const program = fileURLToPath(new URL('./compare.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@mynah/source', '--import', 'tsx', program, device], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const printed = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', text => (printed.stdout += text))
  child.stderr.setEncoding('utf8').on('data', text => (printed.stderr += text))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (printed.stdout.startsWith('{')) resolve(JSON.parse(printed.stdout))
      else reject(new Error(`the process for ${device} ended with ${signal ?? code}: ${printed.stderr}`))
    })
  })
}
