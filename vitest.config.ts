import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/support/global-setup.ts'],
    // Processes, not threads: the resolver pool makes worker threads of its own and signals are part of some tests.
    pool: 'forks',
    // Two cores run the database as well as the tests.
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    // Faults and processes on a busy machine: the report still names a test that needed its second try.
    retry: process.env['CI'] === 'true' ? 1 : 0,
    coverage: {
      provider: 'v8',
      // a run beside this one in the same checkout has its own; the global set-up removes old ones
      reportsDirectory: `coverage/${process.pid}`,
      include: ['src/**/*.ts', 'workers/**/*.ts'],
      reporter: ['text-summary', 'json-summary', 'html'],
      thresholds: { lines: 90, functions: 90, statements: 90, branches: 90 },
    },
  },
});
