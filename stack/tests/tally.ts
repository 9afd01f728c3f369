import { readFile } from 'node:fs/promises'
import { relative } from 'node:path'
import { z } from 'zod'

/** Counts of tests. */
export interface Tally {
  passed: number
  failed: number
  skipped: number
  /** What failed, in a line each. */
  failures: string[]
}

const report = z.object({
  numPassedTests: z.number(),
  numPendingTests: z.number(),
  numTodoTests: z.number(),
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().default(''),
      assertionResults: z.array(
        z.object({ fullName: z.string(), status: z.string(), failureMessages: z.array(z.string()).default([]) }),
      ),
    }),
  ),
})

export const none: Tally = { passed: 0, failed: 0, skipped: 0, failures: [] }

/** Added up. */
export const sum = (tallies: readonly Tally[]): Tally =>
  tallies.reduce(
    (a, b) => ({
      passed: a.passed + b.passed,
      failed: a.failed + b.failed,
      skipped: a.skipped + b.skipped,
      failures: [...a.failures, ...b.failures],
    }),
    none,
  )

export const inWords = ({ passed, failed, skipped }: Tally): string => `${passed} passed, ${failed} failed, ${skipped} skipped`

/** What a run of vitest came to, by its report at `path`, with the names of skipped tests. A run without a report failed. */
export async function tallyOf(path: string, hasSucceeded: boolean): Promise<{ tally: Tally; skippedTests: string[] }> {
  const text = await readFile(path, 'utf8').catch(() => null)
  if (text === null) return { tally: { ...none, failed: 1, failures: [`no report ${path}`] }, skippedTests: [] }
  const { testResults, ...counts } = report.parse(JSON.parse(text))
  const broken = testResults.filter(({ status, assertionResults }) => status === 'failed' && !hasFailed(assertionResults))
  const skipped = testResults.flatMap(({ assertionResults }) => assertionResults.filter(isSkipped))
  const failures = [
    ...testResults.flatMap(({ name, assertionResults }) => assertionResults.filter(isFailed).map((test) => failureOf(name, test))),
    ...broken.map(({ name, message }) => inALine(name, message)),
  ]
  if (failures.length === 0 && !hasSucceeded) failures.push(`${path}: no test failed, but the run did (see above)`)
  return {
    tally: {
      passed: counts.numPassedTests,
      failed: failures.length,
      skipped: counts.numPendingTests + counts.numTodoTests,
      failures,
    },
    skippedTests: skipped.map(({ fullName }) => fullName),
  }
}

type Assertions = z.infer<typeof report>['testResults'][number]['assertionResults']

const isFailed = ({ status }: Assertions[number]): boolean => status === 'failed'

const hasFailed = (tests: Assertions): boolean => tests.some(isFailed)

const failureOf = (file: string, { fullName, failureMessages }: Assertions[number]): string =>
  inALine(`${file} > ${fullName}`, failureMessages[0] ?? '')

/** `name` begins with a path. */
const inALine = (name: string, message: string): string => `${relative('', name)}: ${message.split('\n', 1)[0]}`

const isSkipped = ({ status }: Assertions[number]): boolean => ['pending', 'skipped', 'todo'].includes(status)
