import { ApplicationFailure } from '@temporalio/activity'
import { MockActivityEnvironment } from '@temporalio/testing'
import { describe, expect, test } from 'vitest'
import { asFailure, finalFailure, stepFailure, passingFailure } from '../../activities/failures.ts'
import { RegistryError } from '../../drivers/registries/errors.ts'
import { SshError, type SshErrorCode } from '../../drivers/ssh/errors.ts'

/** As in the given attempt of an activity. */
const failureOf = (error: unknown, attempt = 5): Promise<ApplicationFailure> =>
  new MockActivityEnvironment({ attempt }).run(async () => asFailure(error, 'build') as ApplicationFailure)
const ssh = (code: SshErrorCode) => new SshError(code, 'web-1', 'it broke')

const failure = {
  code: 'step_failed',
  message: 'Step "build" on web-1 ended with exit code 2.',
  exitCode: 2,
  tail: '\nno space left\n',
  hint: 'Make room.',
}

describe('a failure', () => {
  test('is read as sentence, last lines and hint, and carries its parts', () => {
    const told = finalFailure(failure)
    expect(told).toMatchObject({ type: 'step_failed', nonRetryable: true, details: [failure] })
    expect(told.message).toBe('Step "build" on web-1 ended with exit code 2.\nno space left\nMake room.')
  })

  test('that passes is tried again', () => {
    expect(passingFailure({ code: 'busy', message: 'Another one is at it.' })).toMatchObject({ type: 'busy', nonRetryable: false, message: 'Another one is at it.' })
  })

  test('is known by its exit code', () => {
    expect(stepFailure(finalFailure(failure), 2)).toEqual(failure)
    expect(stepFailure(finalFailure(failure), 3)).toBeNull()
    expect(stepFailure(finalFailure({ ...failure, code: 'other' }), 2)).toBeNull()
    expect(stepFailure(ApplicationFailure.create({ type: 'step_failed' }), 2)).toBeNull()
    expect(stepFailure(new Error('exit code 2'), 2)).toBeNull()
  })
})

describe('an error of a server', () => {
  test.each(['unreachable', 'connection_lost', 'channel_refused', 'timeout', 'busy', 'step_vanished'] as const)('%s is tried again', async (code) => {
    expect(await failureOf(ssh(code))).toMatchObject({ type: `ssh_${code}`, nonRetryable: false })
  })

  test.each(['password_refused', 'launch_failed', 'invalid_input'] as const)('%s is final', async (code) => {
    expect(await failureOf(ssh(code), 1)).toMatchObject({ type: `ssh_${code}`, nonRetryable: true })
  })

  test.each(['host_key_unknown', 'host_key_changed'] as const)('%s is final, and called as in the API', async (code) => {
    expect(await failureOf(ssh(code), 1)).toMatchObject({ type: code, nonRetryable: true })
  })

  test.each(['authentication_failed', 'handshake_failed'] as const)('%s is tried again while the server may be booting, then final', async (code) => {
    expect(await failureOf(ssh(code), 1)).toMatchObject({ type: `ssh_${code}`, nonRetryable: false })
    expect(await failureOf(ssh(code), 5)).toMatchObject({ type: `ssh_${code}`, nonRetryable: true })
  })

  test.each(['unreachable', 'password_refused', 'authentication_failed'] as const)('%s says what to do, where and in which step', async (code) => {
    const { details } = await failureOf(ssh(code))
    expect(details).toEqual([{ code: `ssh_${code}`, message: 'web-1: it broke (step "build")', server: 'web-1', step: 'build', hint: expect.any(String) }])
  })
})

test('a registry that is asked too often is left alone for as long as it says', async () => {
  const limited = (retryAfterSeconds: number | null) => failureOf(new RegistryError('rate_limited', 'too often', { retryAfterSeconds }))
  expect(await limited(90)).toMatchObject({ type: 'registry_rate_limited', nonRetryable: false, nextRetryDelay: 90_000 })
  expect(await limited(21_600)).toMatchObject({ nextRetryDelay: 300_000 })
  expect((await limited(null)).nextRetryDelay).toBeUndefined()
  expect(await failureOf(new RegistryError('image_not_found', 'gone'))).toMatchObject({ type: 'registry_image_not_found', nonRetryable: true })
})

test('what nobody knows is left as it is', async () => {
  const unknown = new Error('it broke')
  expect(await failureOf(unknown)).toBe(unknown)
  expect(asFailure('text', 'build')).toBe('text')
})
