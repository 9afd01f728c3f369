import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import type { Ending } from '../../db/operations/finish.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

const failure = (code: string) => ApplicationFailure.create({ type: code, message: code, nonRetryable: true, details: [{ code, message: `${code}.` }] })
const nothingLeft = { environmentId: null, servers: [], gateways: [], replicas: [], artifacts: [] }

/** Runs a removal, or the recovery of one; those activities that are named here do something else. */
async function run(workflow: 'server_remove' | 'operation_recover', others: Record<string, () => Promise<unknown>> = {}) {
  const asked: string[] = []
  const endings: Ending[] = []
  const does = {
    begin: async () => true,
    beginServerRemoval: async () => {},
    planServerRemoval: async () => ({ name: 'web-1', isBought: true }),
    removeMachine: async () => {},
    recordServerRemoved: async () => {},
    takeOver: async () => ({ lostId: 'lost', isRollout: false, kind: 'server_remove' }),
    beginConvergence: async () => ({ isCommitted: true, leftovers: nothingLeft }),
    finishLost: async () => {},
    finish: async ({ ending }: { ending: Ending }) => void endings.push(ending),
    ...others,
  }
  const noted = Object.entries(does).map(([name, activity]) => [
    name,
    async (input: never) => {
      asked.push(name)
      return activity(input)
    },
  ])
  await runWorkflow(workflow, Object.fromEntries(noted))
  return { asked: asked.filter((name) => !['begin', 'finish'].includes(name)), ending: endings[0] }
}

describe('the removal of a server', () => {
  it('removes its machine before the server is said to be gone', async () => {
    const { asked, ending } = await run('server_remove')
    expect(asked).toEqual(['beginServerRemoval', 'planServerRemoval', 'removeMachine', 'recordServerRemoved'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'removed' })
  })

  it('asks no provider for one that was adopted', async () => {
    const { asked } = await run('server_remove', { planServerRemoval: async () => ({ name: 'web-1', isBought: false }) })
    expect(asked).toEqual(['beginServerRemoval', 'planServerRemoval', 'recordServerRemoved'])
  })

  it('whose machine cannot be removed has failed, and the server is still there to be removed', async () => {
    const { asked, ending } = await run('server_remove', { removeMachine: () => Promise.reject(failure('provider_protected')) })
    expect(asked).not.toContain('recordServerRemoved')
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'provider_protected' } })
  })

  it('that is lost after its commit is brought to its end', async () => {
    const { asked, ending } = await run('operation_recover')
    expect(asked).toEqual(['takeOver', 'beginConvergence', 'planServerRemoval', 'removeMachine', 'recordServerRemoved', 'finishLost'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'completed' })
  })
})
