import { defineConfig } from 'tsup'

// A program, no library: no declarations. tsup keeps the shebang of main.ts and makes the file executable.
export default defineConfig({ entry: ['src/main.ts'], format: 'esm', target: 'node20', clean: true, sourcemap: true })
