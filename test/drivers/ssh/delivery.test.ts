import { describe, expect, it } from 'vitest'
import { scriptFailure } from '../../../drivers/ssh/delivery.ts'

describe('a script of Keystone that does not succeed', () => {
  it.each([
    [75, '', { code: 'busy', retryable: true }],
    [69, 'whatever', { code: 'server_stopping', retryable: true }],
    [1, 'no space left on device', { code: 'launch_failed', retryable: false, message: expect.stringContaining('no space left on device') }],
    [143, '', { code: 'connection_lost', retryable: true, message: expect.stringContaining('start step build') }],
  ])('with exit code %s and "%s" is %j', (exitCode, said, expected) => {
    expect(scriptFailure('s1', 'start step build', exitCode, said)).toMatchObject(expected)
  })
})
