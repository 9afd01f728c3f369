import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Say } from '../say.ts'
import { outputOfNode, root, runNode } from './command.ts'
import type { Missing } from './preparations.ts'
import { none, type Tally, tallyOf } from './tally.ts'

/** The projects of vitest.config.ts that belong to `npm test`, in their order. */
export const projects = ['unit', 'database', 'workflows', 'lab'] as const
export type Project = (typeof projects)[number]

const vitest = 'node_modules/vitest/vitest.mjs'
const results = join(root, 'test-results')
const listed = z.array(z.unknown())

/** Runs the tests of a project. Its report stays in test-results. */
export async function runProject(project: Project, say: Say): Promise<Tally> {
  say(`${project} tests`)
  const report = join(results, `tests-${project}.json`)
  await mkdir(results, { recursive: true })
  await rm(report, { force: true })
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`]
  const code = await runNode([vitest, 'run', '--project', project, '--passWithNoTests', ...reporters])
  const { tally, skippedTests } = await tallyOf(report, code === 0)
  for (const name of skippedTests) say(`skipped: ${name}`)
  return tally
}

/** Counts the test files of a project that cannot run here; where it was to run for sure they have failed. */
export async function missProject(project: Project, { reason, isFailure }: Missing, say: Say): Promise<Tally> {
  const list = await outputOfNode([vitest, 'list', '--project', project, '--filesOnly', '--json'])
  const count = listed.parse(JSON.parse(list)).length
  say(`${project} tests cannot run here, all ${count} files of them: ${reason}`)
  return isFailure ? { ...none, failed: Math.max(count, 1), failures: [`${project} tests: ${reason}`] } : { ...none, skipped: count }
}
