import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, expect, test } from 'vitest'
import { inWords, sum, tallyOf } from '../../stack/tests/tally.ts'

let path: string
beforeEach(async () => {
  path = join(await mkdtemp(join(tmpdir(), 'keystone-tally-')), 'report.json')
})

const counts = { numPassedTests: 3, numPendingTests: 1, numTodoTests: 1 }
const file = (status: string, tests: Record<string, string>) => ({
  name: 'a.test.ts',
  status,
  message: status === 'failed' ? 'cannot be loaded' : '',
  assertionResults: Object.entries(tests).map(([fullName, state]) => ({
    fullName,
    status: state,
    failureMessages: state === 'failed' ? ['expected 1 to be 2\n    at a.test.ts:3'] : [],
  })),
})

test('counts failed tests, and files that failed without a failed test, such as one that cannot be loaded', async () => {
  const testResults = [file('failed', { a: 'passed', b: 'failed' }), file('failed', {}), file('passed', { c: 'skipped', d: 'todo' })]
  await writeFile(path, JSON.stringify({ ...counts, testResults }))
  const { tally, skippedTests } = await tallyOf(path, false)
  expect(tally).toEqual({
    passed: 3,
    failed: 2,
    skipped: 2,
    failures: ['a.test.ts > b: expected 1 to be 2', 'a.test.ts: cannot be loaded'],
  })
  expect(skippedTests).toEqual(['c', 'd'])
})

test('a run that failed otherwise, or left no report, has at least one failure', async () => {
  expect((await tallyOf(path, true)).tally).toMatchObject({ passed: 0, failed: 1, skipped: 0 })
  await writeFile(path, JSON.stringify({ ...counts, testResults: [] }))
  expect((await tallyOf(path, false)).tally.failed).toBe(1)
})

test('the last line has the sums', () => {
  const tallies = [
    { passed: 1, failed: 0, skipped: 2, failures: [] },
    { passed: 3, failed: 1, skipped: 0, failures: ['a'] },
  ]
  expect(inWords(sum(tallies))).toBe('4 passed, 1 failed, 2 skipped')
  expect(sum(tallies).failures).toEqual(['a'])
})
