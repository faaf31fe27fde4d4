import { defineConfig } from 'tsup'

export default defineConfig({
  // The thread is an entry of its own: encode-thread.ts starts it as `encode-worker.js` beside the built code.
  entry: { index: 'src/index.ts', 'encode-worker': 'src/encode-worker.ts' },
  format: 'esm',
  target: 'node20',
  dts: { entry: 'src/index.ts' },
  clean: true,
  sourcemap: true,
})
