import { defineConfig } from 'vitest/config'

export default defineConfig({
  resolve: { conditions: ['@mynah/source'] },
  ssr: { resolve: { conditions: ['@mynah/source', 'node', 'import', 'default'] } },
  test: {
    include: ['packages/*/src/**/*.test.ts', 'test/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    maxWorkers: 2,
  },
})
