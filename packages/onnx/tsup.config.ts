import { defineConfig } from 'tsup'

export default defineConfig({
  // The worker is an entry of its own: runtime/host.ts starts it as `worker.js` beside the built code.
  entry: { index: 'src/index.ts', worker: 'src/runtime/worker.ts' },
  format: 'esm',
  target: 'node20',
  dts: { entry: 'src/index.ts' },
  clean: true,
  sourcemap: true,
})
