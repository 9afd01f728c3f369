import { defineConfig } from 'vitest/config'

/** What a test needs decides where it runs; every file that no other project names is a unit test. */
const needs = {
  database: ['test/{db,api,activities}/**/*.test.ts'],
  workflows: ['test/{workflows,dispatcher,drivers/temporal}/**/*.test.ts', 'test/worker.test.ts', 'test/{stack/start,tools/build}.test.ts'],
  lab: ['test/**/*.lab.test.ts', 'test/{e2e,chaos,lab}/**/*.test.ts', 'test/drivers/ssh/{commands,step,upload}.test.ts'],
  deep: ['test/deep/*.test.ts'],
}

const postgres = 'test/setup/postgres.ts'
const temporal = 'test/setup/temporal.ts'
const labRun = 'test/setup/lab-run.ts'

/** Time enough for a machine that builds images meanwhile. A file at a time on each of two cores; the tests of one file run one after the other. */
const project = (name: string, order: number, settings: object) => ({
  test: { name, pool: 'forks' as const, maxWorkers: 2, retry: 0, hookTimeout: 120_000, sequence: { groupOrder: order }, ...settings },
})

export default defineConfig({
  test: {
    projects: [
      project('unit', 0, { include: ['test/**/*.test.ts'], exclude: Object.values(needs).flat(), testTimeout: 60_000 }),
      project('database', 1, { include: needs.database, exclude: needs.lab, globalSetup: [postgres], testTimeout: 60_000, hookTimeout: 60_000 }),
      project('workflows', 2, { include: needs.workflows, exclude: needs.lab, globalSetup: [postgres, temporal], testTimeout: 60_000 }),
      project('lab', 3, { include: needs.lab, globalSetup: [postgres, temporal, labRun], testTimeout: 300_000, hookTimeout: 300_000 }),
      project('deep', 4, { include: needs.deep, globalSetup: [postgres, temporal], testTimeout: 3_600_000, hookTimeout: 300_000 }),
    ],
  },
})
