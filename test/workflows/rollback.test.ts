import { describe, expect, it } from 'vitest'
import { rollOut } from './roll-out.ts'
import { failure, on, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

const rollback = (...wish: [Parameters<typeof rollOut>[2]?, object?]) => rollOut(runOperation, 'environment_rollback', ...wish)

describe('a rollback', () => {
  it('finds its image, and goes on as a deploy does, without a build or a migration', async () => {
    const { asked, ending } = await rollback()
    expect(asked).toEqual([
      ...['planRollback', 'findReleasedImage', 'startReplica'],
      ...['writeRevision', 'applyRevision'],
      ...['recordRelease', 'planCompletion', 'planPruning', 'pruneServer', 'planFirewalls', 'applyFirewall'],
    ])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'rolled_back' })
  })

  it('lets other servers in before it starts what needs them', async () => {
    const { asked } = await rollback({}, { firewalls: [{ ...on, revision: 6 }] })
    expect(asked.slice(0, 4).toSorted()).toEqual(['applyFirewall', 'findReleasedImage', 'planRollback', 'startReplica'])
    expect(asked[3]).toBe('startReplica')
  })

  it('whose image is gone is taken back before anything was started', async () => {
    const { asked, ending } = await rollback({ findReleasedImage: () => Promise.reject(failure('image_gone')) })
    expect(asked).toEqual(['planRollback', 'findReleasedImage', 'beginConvergence', 'stopReplica', 'planFirewalls', 'applyFirewall', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'image_gone' } })
  })

  it('that cannot even be planned has nothing to be taken back', async () => {
    const { asked, ending } = await rollback({ planRollback: () => Promise.reject(failure('release_is_live')) })
    expect(asked).toEqual(['planRollback'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'release_is_live' } })
  })

  it('of what runs already is unchanged', async () => {
    const { asked, ending } = await rollback({ planRollback: async () => ({ isUnchanged: true }) })
    expect(asked).toEqual(['planRollback'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'unchanged' })
  })

  it('succeeds with a warning where pruning fails, since users have had the new version long before', async () => {
    const { asked, ending } = await rollback({ pruneServer: () => Promise.reject(failure('step_failed')) })
    expect(asked.slice(-4)).toEqual(['pruneServer', 'addWarning', 'planFirewalls', 'applyFirewall'])
    expect(ending).toMatchObject({ status: 'succeeded' })
  })
})
