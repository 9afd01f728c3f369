import { describe, expect, test } from 'vitest'
import { addedServicesWarning, migrationWarning, noEarlierRelease, releaseStatuses, type RollbackTarget, rollbackRefusal } from '../../domain/releases.ts'

const target = (values: Partial<RollbackTarget> = {}): RollbackTarget => ({
  ...{ number: 3, status: 'obsolete', commitSha: '3f2a91c', isLive: false, isPruned: false, hasImage: true },
  ...values,
})

describe('an environment can go back to a release', () => {
  test.each(['obsolete', 'downgraded'] as const)('that is %s', (status) => {
    expect(rollbackRefusal(target({ status }))).toBeNull()
  })

  test('and to no other, for whichever reason comes first', () => {
    const codes = Object.fromEntries(releaseStatuses.map((status) => [status, rollbackRefusal(target({ status, isLive: status === 'successful', hasImage: false }))?.code]))
    expect(codes).toEqual({
      ...{ preparing: 'release_never_live', in_progress: 'release_never_live', failed: 'release_never_live' },
      ...{ successful: 'release_is_live', obsolete: 'image_gone', downgraded: 'image_gone' },
    })
  })

  test('not to one that is not kept, although another one has the same image', () => {
    expect(rollbackRefusal(target({ isPruned: true }))).toEqual({
      code: 'image_gone',
      message: 'The image of release 3 is not there any more.',
      hint: 'Deploy commit 3f2a91c instead: its image is built again.',
    })
  })
})

test('every refusal says what to do', () => {
  const refusals = [noEarlierRelease('production'), rollbackRefusal(target({ isLive: true })), rollbackRefusal(target({ status: 'failed' }))]
  for (const refusal of refusals) expect(refusal?.hint).toMatch(/^(Deploy|Choose) /)
})

test('a warning says whose migrations stay, and which services are newer than the release', () => {
  expect(migrationWarning([])).toBeNull()
  expect(migrationWarning([4])).toEqual({ code: 'migrations_stay', message: 'Migrations are never reverted: the database stays as release 4 left it.' })
  expect(migrationWarning([4, 6])).toEqual({ code: 'migrations_stay', message: 'Migrations are never reverted: the database stays as releases 4, 6 left it.' })
  expect(addedServicesWarning(3, [])).toBeNull()
  expect(addedServicesWarning(3, ['jobs'])).toEqual({ code: 'services_added', message: expect.stringContaining('Not part of release 3') })
})
