import { randomInt } from 'node:crypto'
import type { TestProject } from 'vitest/node'
import { testSettings } from './settings.ts'
import { beginReport } from '../e2e/report.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** What is drawn by chance is drawn from it; a run with the same KEYSTONE_TEST_SEED draws the same. */
    seed: number
  }
}

/** Begins `test-results/lab.json` and draws the seed of the run. */
export default async function setup(project: TestProject) {
  const seed = testSettings.seed ?? randomInt(1_000_000)
  console.log(`Seed of this run: ${seed} (KEYSTONE_TEST_SEED=${seed} draws the same again)`)
  project.provide('seed', seed)
  await beginReport()
}
