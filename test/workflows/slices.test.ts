import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import type { Ending } from '../../db/operations/finish.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

const failure = (code: string) => ApplicationFailure.create({ type: code, message: code, nonRetryable: true, details: [{ code, message: code }] })
const nobody = { environmentId: null, servers: [], gateways: [], replicas: [], artifacts: [] }

/** Runs the workflow of a slice; those activities that are named here do something else. */
async function run(workflow: string, others: Record<string, (input: never) => Promise<unknown>> = {}) {
  const asked: string[] = []
  const endings: Ending[] = []
  const does = {
    begin: async () => true,
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
    beginConvergence: async () => ({ isCommitted: false, leftovers: nobody }),
    endConvergence: async () => {},
    finishLost: async () => {},
    finish: async ({ ending }: { ending: Ending }) => void endings.push(ending),
    ...others,
  }
  const noted = Object.entries(does).map(([name, activity]) => [
    name,
    async (input: never) => {
      if (!['begin', 'finish'].includes(name)) asked.push(name)
      return activity(input)
    },
  ])
  await runWorkflow(workflow, Object.fromEntries(noted))
  return { asked, ending: endings[0] }
}

const stepFailed = () => Promise.reject(failure('step_failed'))
const committed = async () => ({ isCommitted: true, leftovers: nobody })

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
    const isChanged = async () => ({ isCommitted: false, leftovers: { ...nobody, isSliceChanged: true } })
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
    const asked: string[] = []
    await runWorkflow('update_lookup', {
      planUpdateLookup: async () => ({ images }),
      async lookUpImage({ reference }: { reference: string }) {
        asked.push(reference)
        if (reference === 'a:1') throw failure('registry_image_not_found')
      },
    })
    expect(asked.toSorted()).toEqual(['a:1', 'b:1'])
  })
})
