import { describe, expect, it } from 'vitest'
import { type Activities, failure, nothing, on, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

/** Runs a rotation, or the recovery of one; those activities that are named here do something else. */
const run = (workflow: 'server_key_rotation' | 'operation_recover', others: Activities = {}) =>
  runOperation(workflow, {
    planServerKeyRotation: async () => ({ name: 's1', isSwitched: false }),
    admitServerKey: async () => {},
    switchServerKey: async () => {},
    retireServerKey: async () => {},
    withdrawServerKey: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers: { ...nothing, withNextKey: on } }),
    endConvergence: async () => {},
    takeOver: async () => ({ lostId: 'lost', kind: 'server_key_rotation', isRollout: false }),
    finishLost: async () => {},
    ...others,
  })

const committed = async () => ({ isCommitted: true, leftovers: nothing })
const refused = (code: string) => () => Promise.reject(failure(code))

describe('the rotation of a server\'s key', () => {
  it('lets the next one in, switches to it, and shuts the one before out', async () => {
    const { asked, ending } = await run('server_key_rotation')
    expect(asked).toEqual(['planServerKeyRotation', 'admitServerKey', 'switchServerKey', 'retireServerKey'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'rotated' })
  })

  it('goes on where an earlier one has stopped', async () => {
    const planServerKeyRotation = async () => ({ name: 's1', isSwitched: true })
    expect((await run('server_key_rotation', { planServerKeyRotation })).asked).toEqual(['planServerKeyRotation', 'switchServerKey', 'retireServerKey'])
  })

  it.each([
    ['cannot be let in', { admitServerKey: refused('ssh_authentication_failed') }, 'failed'],
    ['is not wanted any more', { switchServerKey: refused('cancel_requested') }, 'cancelled'],
  ])('withdraws the next one where it %s', async (_, others, status) => {
    const { asked, ending } = await run('server_key_rotation', others)
    expect(asked.slice(-3)).toEqual(['beginConvergence', 'withdrawServerKey', 'endConvergence'])
    expect(ending).toMatchObject({ status })
  })

  it('takes nothing back where the one before cannot be shut out', async () => {
    const { asked, ending } = await run('server_key_rotation', { retireServerKey: refused('old_key_accepted') })
    expect(asked).toEqual(['planServerKeyRotation', 'admitServerKey', 'switchServerKey', 'retireServerKey'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'old_key_accepted' } })
  })

  it('that was lost before it switched is taken back', async () => {
    const { asked } = await run('operation_recover')
    expect(asked).toEqual(['takeOver', 'beginConvergence', 'withdrawServerKey', 'endConvergence', 'finishLost'])
  })

  it('that was lost after it switched is brought to its end', async () => {
    const { asked, ending } = await run('operation_recover', { beginConvergence: committed })
    expect(asked).toEqual(['takeOver', 'beginConvergence', 'retireServerKey', 'finishLost'])
    expect(ending).toMatchObject({ status: 'succeeded', outcome: 'completed' })
  })

  it('that was lost and cannot be brought to its end has failed for its own reason', async () => {
    const ends: unknown[] = []
    const others = { beginConvergence: committed, retireServerKey: refused('ssh_unreachable'), finishLost: async (input: unknown) => void ends.push(input) }
    const { ending } = await run('operation_recover', others)
    expect(ends).toMatchObject([{ operationId: 'lost', failure: { code: 'ssh_unreachable' } }])
    expect(ending).toMatchObject({ status: 'failed' })
  })
})
