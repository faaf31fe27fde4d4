import { resolve } from 'node:path'
import { createRuntime } from '@mynah/onnx'
import { findCases, formatResults, type ParityResult, runCase } from './parity.ts'

// pnpm parity FOLDER…: every case.json under the folders against its reference outputs. Exit code 1 if any fails, or there is none.
const folders = process.argv.slice(2)
if (folders.length === 0) {
  process.stderr.write('usage: pnpm parity FOLDER…   (e.g. ../shared/golden ../shared/weights)\n')
  process.exit(2)
}

await using runtime = await createRuntime({ device: 'cpu', threads: 2 })
const results: ParityResult[] = []
for (const root of folders.map(folder => resolve(process.env.INIT_CWD ?? '.', folder))) {
  const cases = findCases(root)
  if (cases.length === 0) {
    results.push({ name: root, arch: '?', error: Number.NaN, tolerance: Number.NaN, pass: false, detail: 'holds no case.json' })
  }
  for (const folder of cases) {
    const result = await runCase(root, folder, runtime)
    if (!result.pass) process.stderr.write(`${folder}: ${result.detail}\n`)
    results.push(result)
  }
}
process.stdout.write(`${formatResults(results)}\n`)
process.exitCode = results.every(({ pass }) => pass) ? 0 : 1
