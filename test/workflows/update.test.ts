import { describe, expect, it } from 'vitest'
import type { ReplicaStart } from '../../activities/replicas.ts'
import { type Activities, failure as failureOf, nothing, on, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

const failure = (code: string) => failureOf(code, { message: `${code}.`, server: 's1', step: 'start Postgres', tail: 'last words' })

/** Runs an update from image `old` to `new`; those activities that are named here do something else. */
async function update(others: Activities = {}) {
  const plan = { isUnchanged: false, service: { id: 'data', name: 'data' }, replicaId: 'replica', ...on, before: 'old', image: 'new' }
  const activities = {
    planUpdate: async () => plan,
    resolveServiceImage: async () => ({ digest: 'new' }),
    startReplica: async () => {},
    recordUpdate: async () => {},
    removeReplacedImage: async () => {},
    addWarning: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers: { ...nothing, updated: { ...on, replicaId: 'replica', image: 'old' } } }),
    endConvergence: async () => {},
    abandonConvergence: async () => {},
    ...others,
  }
  const noteOf = (name: string, { image }: Partial<ReplicaStart>) => (name === 'startReplica' ? `start ${image?.reference}` : name)
  return runOperation('service_update', activities, { noteOf })
}

const startOf = (image: string, error: Error) => async ({ image: { reference } }: ReplicaStart) => {
  if (reference === image) throw error
}

describe('an update', () => {
  it('has its image before it stops anything', async () => {
    const { asked, ending } = await update()
    expect(asked).toEqual(['planUpdate', 'resolveServiceImage', 'start new', 'recordUpdate', 'removeReplacedImage'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'updated' })
  })

  it('that cannot remove the image of before has succeeded, with a warning', async () => {
    const { asked, ending } = await update({ removeReplacedImage: () => Promise.reject(failure('step_failed')) })
    expect(asked.slice(-2)).toEqual(['removeReplacedImage', 'addWarning'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'updated' })
  })

  it('to what runs already changes nothing', async () => {
    const { asked, ending } = await update({ planUpdate: async () => ({ isUnchanged: true }) })
    expect(asked).toEqual(['planUpdate'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'unchanged' })
  })

  it('whose image does not get healthy starts the one of before, and says so', async () => {
    const { asked, ending } = await update({ startReplica: startOf('new', failure('step_failed')) })
    expect(asked).toEqual(['planUpdate', 'resolveServiceImage', 'start new', 'beginConvergence', 'start old', 'endConvergence'])
    expect(ending).toEqual({
      status: 'failed',
      failure: {
        ...{ code: 'update_failed', server: 's1', step: 'start Postgres', tail: 'last words' },
        message: 'data could not be updated to new: step_failed. It runs again as before, from old and with its data.',
        hint: expect.any(String),
      },
    })
  })

  it('that cannot go back fails for what it failed of, and is left to be brought in line', async () => {
    const { asked, ending } = await update({ startReplica: () => Promise.reject(failure('step_failed')) })
    expect(asked.slice(-3)).toEqual(['beginConvergence', 'start old', 'abandonConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'step_failed' } })
  })

  it('that was cancelled before its commit goes back, and has not failed', async () => {
    const { asked, ending } = await update({ recordUpdate: () => Promise.reject(failure('cancel_requested')) })
    expect(asked.slice(-3)).toEqual(['beginConvergence', 'start old', 'endConvergence'])
    expect(ending).toEqual({ status: 'cancelled' })
  })

  it('whose commit happened after all has succeeded', async () => {
    const committed = async () => ({ isCommitted: true, leftovers: nothing })
    const { asked, ending } = await update({ recordUpdate: () => Promise.reject(failure('lost')), beginConvergence: committed })
    expect(asked).not.toContain('start old')
    expect(ending).toEqual({ status: 'succeeded', outcome: 'updated' })
  })
})
