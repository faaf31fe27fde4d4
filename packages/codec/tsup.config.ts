import { defineConfig } from 'tsup'

export default defineConfig({
  // An entry of its own: the inference thread imports it as `builder.js` beside the built code.
  entry: { index: 'src/index.ts', builder: 'src/builder.ts' },
  format: 'esm',
  target: 'node20',
  dts: { entry: 'src/index.ts' },
  clean: true,
  sourcemap: true,
})
