import { describe, expect, it } from 'vitest'
import { type Activities, failure, nothing, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

/** Runs the workflow of a slice; those activities that are named here do something else. */
const run = (workflow: string, others: Activities = {}) =>
  runOperation(workflow, {
    planRoute: async () => null,
    configureSlice: async () => {},
    restoreSlice: async () => {},
    recordSliceReady: async () => {},
    detachSlice: async () => {},
    planFirewalls: async () => [{ serverId: 'server', serverName: 's1', revision: 2 }],
    applyFirewall: async () => {},
    beginSliceRemoval: async () => {},
    removeSlice: async () => {},
    recordSliceRemoved: async () => {},
    addWarning: async () => {},
    takeOver: async () => ({ lostId: 'lost', isRollout: false, kind: 'slice_remove' }),
    beginConvergence: async () => ({ isCommitted: false, leftovers: nothing }),
    endConvergence: async () => {},
    finishLost: async () => {},
    ...others,
  })

const stepFailed = () => Promise.reject(failure('step_failed'))
const committed = async () => ({ isCommitted: true, leftovers: nothing })

describe('configuring a slice', () => {
  it('is done in the service, and recorded then', async () => {
    const { asked, ending } = await run('slice_configure')
    expect(asked).toEqual(['planRoute', 'configureSlice', 'recordSliceReady'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'configured' })
  })

  it('that fails whole has nothing to be given back', async () => {
    const { asked, ending } = await run('slice_configure', { configureSlice: stepFailed })
    expect(asked).toEqual(['planRoute', 'configureSlice', 'beginConvergence', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed' })
  })

  it('that is cancelled when it was done already gives the slice its settings back', async () => {
    const isChanged = async () => ({ isCommitted: false, leftovers: { ...nothing, isSliceChanged: true } })
    const { asked, ending } = await run('slice_configure', { recordSliceReady: () => Promise.reject(failure('cancel_requested')), beginConvergence: isChanged })
    expect(asked).toEqual(['planRoute', 'configureSlice', 'recordSliceReady', 'beginConvergence', 'restoreSlice', 'endConvergence'])
    expect(ending).toEqual({ status: 'cancelled' })
  })
})

describe('removing a slice', () => {
  it('takes its data once nobody can use it any more', async () => {
    const { asked, ending } = await run('slice_remove')
    expect(asked).toEqual(['beginSliceRemoval', 'removeSlice', 'recordSliceRemoved'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'removed' })
  })

  it('takes nothing where it is in use', async () => {
    const { asked, ending } = await run('slice_remove', { beginSliceRemoval: () => Promise.reject(failure('slice_in_use')) })
    expect(asked).toEqual(['beginSliceRemoval', 'beginConvergence', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'slice_in_use' } })
  })

  it('that was begun is only gone on with', async () => {
    const { asked, ending } = await run('slice_remove', { removeSlice: stepFailed })
    expect(asked).toEqual(['beginSliceRemoval', 'removeSlice'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'step_failed' } })
  })

  it('is ended by its recovery', async () => {
    const { asked } = await run('operation_recover', { beginConvergence: committed })
    expect(asked).toEqual(['takeOver', 'beginConvergence', 'removeSlice', 'recordSliceRemoved', 'finishLost'])
  })
})

describe('detaching a slice', () => {
  it('closes the way to it', async () => {
    const { asked, ending } = await run('slice_detach')
    expect(asked).toEqual(['detachSlice', 'planFirewalls', 'applyFirewall'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'detached' })
  })

  it('is done where the server cannot be reached, with a warning', async () => {
    const { asked, ending } = await run('slice_detach', { applyFirewall: stepFailed })
    expect(asked).toEqual(['detachSlice', 'planFirewalls', 'applyFirewall', 'addWarning'])
    expect(ending).toMatchObject({ status: 'succeeded' })
  })

  it('is ended by its recovery', async () => {
    const takeOver = async () => ({ lostId: 'lost', isRollout: false, kind: 'slice_detach' })
    const { asked } = await run('operation_recover', { beginConvergence: committed, takeOver })
    expect(asked).toEqual(['takeOver', 'beginConvergence', 'planFirewalls', 'applyFirewall', 'finishLost'])
  })
})

describe('looking up updates', () => {
  const images = ['a:1', 'b:1'].map((reference) => ({ organisationId: 'organisation', reference }))

  it('asks for every image, whatever becomes of the others', async () => {
    const { asked } = await runOperation(
      'update_lookup',
      {
        planUpdateLookup: async () => ({ images }),
        async lookUpImage({ reference }: { reference: string }) {
          if (reference === 'a:1') throw failure('registry_image_not_found')
        },
      },
      { noteOf: (name, { reference }: { reference?: string } = {}) => reference ?? name },
    )
    expect(asked.toSorted()).toEqual(['a:1', 'b:1', 'planUpdateLookup'])
  })
})
