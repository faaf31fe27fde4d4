import { defineConfig } from 'tsup'

export default defineConfig({
  // A file of its own, so that it is loaded before all dependencies.
  entry: { index: 'src/index.ts', placed: 'src/placed.ts' },
  format: 'esm',
  target: 'node20',
  dts: { entry: 'src/index.ts' },
  clean: true,
  sourcemap: true,
})
