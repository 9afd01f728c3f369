import { readFile } from 'node:fs/promises'
import { z } from 'zod'

/** Counts of tests. */
export interface Tally {
  passed: number
  failed: number
  skipped: number
}

const report = z.object({
  numPassedTests: z.number(),
  numFailedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      assertionResults: z.array(z.object({ fullName: z.string(), status: z.string() })),
    }),
  ),
})

export const none: Tally = { passed: 0, failed: 0, skipped: 0 }

/** Added up. */
export const sum = (tallies: readonly Tally[]): Tally =>
  tallies.reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }), none)

export const inWords = ({ passed, failed, skipped }: Tally): string => `${passed} passed, ${failed} failed, ${skipped} skipped`

/** What a run of vitest came to, by its report at `path`, with the names of skipped tests. A run without a report failed. */
export async function tallyOf(path: string, hasSucceeded: boolean): Promise<{ tally: Tally; skippedTests: string[] }> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return { tally: { ...none, failed: 1 }, skippedTests: [] }
  const { testResults, ...counts } = report.parse(JSON.parse(text))
  const broken = testResults.filter(({ status, assertionResults }) => status === 'failed' && !hasFailed(assertionResults))
  const failed = counts.numFailedTests + broken.length
  const skipped = testResults.flatMap(({ assertionResults }) => assertionResults.filter(isSkipped))
  return {
    tally: {
      passed: counts.numPassedTests,
      failed: hasSucceeded ? failed : Math.max(failed, 1),
      skipped: counts.numPendingTests + counts.numTodoTests,
    },
    skippedTests: skipped.map(({ fullName }) => fullName),
  }
}

type Assertions = z.infer<typeof report>['testResults'][number]['assertionResults']

const hasFailed = (tests: Assertions): boolean => tests.some(({ status }) => status === 'failed')

const isSkipped = ({ status }: Assertions[number]): boolean => ['pending', 'skipped', 'todo'].includes(status)
