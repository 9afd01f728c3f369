import { afterEach, expect, it, vi } from 'vitest'
import { deep } from '../../stack/tests/deep.ts'

const said = vi.spyOn(console, 'error').mockImplementation(() => {})
afterEach(() => said.mockClear())

it.each([
  [[], 'Name a suite'],
  [['nothing'], 'There is no suite "nothing"'],
  [['redeploy', 'nothing'], 'There is no suite "redeploy nothing"'],
])('names the long suites where %j is asked for', async (asked, wrong) => {
  expect(await deep({}, asked, () => {})).toBe(2)
  expect(said.mock.calls).toEqual([[expect.stringMatching(new RegExp(`^${wrong}\\.[^]*\n  redeploy`))]])
})
