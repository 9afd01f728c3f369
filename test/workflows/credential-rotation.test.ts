import { describe, expect, it } from 'vitest'
import { type Activities, failure, nothing, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

const slice = { id: 'slice', serverId: 'server', serverName: 's1' }

/** Runs a rotation, or the recovery of one; those activities that are named here do something else. */
async function run(workflow: 'credential_rotation' | 'operation_recover', others: Activities = {}) {
  let looks = 0
  return runOperation(workflow, {
    planRotation: async () => ({ sliceName: 'shop', serviceName: 'data', isSwitched: false }),
    admitCredentials: async () => {},
    switchCredentials: async () => {},
    changeAttached: async () => ({ operationIds: ['one'] }),
    lookAtChanges: async () => ({ waiting: looks++ === 0 ? 1 : 0, failure: null }),
    retireCredentials: async () => {},
    withdrawCredentials: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers: { ...nothing, slices: [slice] } }),
    endConvergence: async () => {},
    takeOver: async () => ({ lostId: 'lost', kind: 'credential_rotation', isRollout: false }),
    finishLost: async () => {},
    ...others,
  })
}

const forward = ['changeAttached', 'lookAtChanges', 'lookAtChanges', 'retireCredentials']
const committed = async () => ({ isCommitted: true, leftovers: nothing })
const notChanged = async () => ({ waiting: 0, failure: { code: 'environment_not_changed', message: 'not changed' } })

describe('a rotation of credentials', () => {
  it('lets the next ones in, switches, waits for every environment, and retires those of before', async () => {
    const { asked, ending } = await run('credential_rotation')
    expect(asked).toEqual(['planRotation', 'admitCredentials', 'switchCredentials', ...forward])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'rotated' })
  })

  it('goes on where an earlier one has stopped', async () => {
    const planRotation = async () => ({ sliceName: 'shop', serviceName: 'data', isSwitched: true })
    expect((await run('credential_rotation', { planRotation })).asked).toEqual(['planRotation', 'switchCredentials', ...forward])
  })

  it('withdraws what it has let in where it cannot be switched', async () => {
    const { asked, ending } = await run('credential_rotation', { switchCredentials: () => Promise.reject(failure('attachments_changed')) })
    expect(asked).toEqual(['planRotation', 'admitCredentials', 'switchCredentials', 'beginConvergence', 'withdrawCredentials', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'attachments_changed' } })
  })

  it('retires nothing where an environment was not changed, and takes nothing back', async () => {
    const { asked, ending } = await run('credential_rotation', { lookAtChanges: notChanged })
    expect(asked).toEqual(['planRotation', 'admitCredentials', 'switchCredentials', 'changeAttached', 'lookAtChanges'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'environment_not_changed' } })
  })

  it('that was lost before it switched is taken back', async () => {
    const { asked } = await run('operation_recover')
    expect(asked).toEqual(['takeOver', 'beginConvergence', 'withdrawCredentials', 'endConvergence', 'finishLost'])
  })

  it('that was lost after it switched is brought to its end', async () => {
    const { asked, ending } = await run('operation_recover', { beginConvergence: committed })
    expect(asked).toEqual(['takeOver', 'beginConvergence', ...forward, 'finishLost'])
    expect(ending).toMatchObject({ status: 'succeeded', outcome: 'completed' })
  })

  it('that was lost and cannot be brought to its end has failed for its own reason', async () => {
    const ends: unknown[] = []
    const others = { beginConvergence: committed, lookAtChanges: notChanged, finishLost: async (input: unknown) => void ends.push(input) }
    const { ending } = await run('operation_recover', others)
    expect(ends).toMatchObject([{ operationId: 'lost', failure: { code: 'environment_not_changed' } }])
    expect(ending).toMatchObject({ status: 'failed' })
  })
})
