import { expect, it } from 'vitest'
import { cutOff } from '../../activities/replicas.ts'

it.each([
  ['worker', 'shop-jobs', 'a job may'],
  ['web', 'shop-jobs', 'requests may'],
  ['websocket', 'shop-jobs', 'connections may'],
  ['web', 'shop-jobs-worker', 'a job or task may'],
] as const)('a killed %s (%s) is told of with what may be lost', (role, killed, lost) => {
  const warning = cutOff({ containerName: 'shop-jobs', role }, killed, 70)
  expect(warning).toEqual({ code: 'requests_cut_off', message: `${killed} was killed at the end of its 70 s: ${lost} have been interrupted.` })
})
