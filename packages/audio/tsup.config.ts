import { defineConfig } from 'tsup'

export default defineConfig({
  // Threads are entries of their own: encode-thread.ts starts `encode-worker.js` beside the built code, decode-thread.ts `decode-worker.js`.
  entry: { index: 'src/index.ts', 'decode-worker': 'src/decode-worker.ts', 'encode-worker': 'src/encode-worker.ts' },
  format: 'esm',
  target: 'node20',
  dts: { entry: 'src/index.ts' },
  clean: true,
  sourcemap: true,
})
