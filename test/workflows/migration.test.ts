import { describe, expect, it } from 'vitest'
import { type Activities, failure, nothing, on, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

/** Runs a migration by hand whose activities note what they were asked; those that are named here do something else. */
async function migration(others: Activities = {}) {
  const inputs: unknown[] = []
  const activities = {
    planMigration: async () => ({ replicaId: 'web', serverName: 's1', command: 'php artisan migrate --force', image: { reference: 'sha256:live', isLocal: true } }),
    migrate: async () => {},
    recordMigration: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers: { ...nothing, environmentId: 'environment', servers: [on] } }),
    stopWork: async () => {},
    endConvergence: async () => {},
    ...others,
  }
  const noteOf = (name: string, input: unknown) => {
    inputs.push(input)
    return name
  }
  return { inputs, ...(await runOperation('migration_run', activities, { noteOf })) }
}

describe('a migration by hand', () => {
  it('runs its command with the image of what is live, and is done', async () => {
    const { inputs, asked, ending } = await migration()
    expect(asked).toEqual(['planMigration', 'migrate', 'recordMigration'])
    expect(inputs[1]).toEqual({
      ...{ operationId: 'operation', order: 10, replicaId: 'web' },
      ...{ command: 'php artisan migrate --force', image: { reference: 'sha256:live', isLocal: true } },
    })
    expect(ending).toEqual({ status: 'succeeded', outcome: 'migrated' })
  })

  it('that fails has its container ended, and nothing else is touched', async () => {
    const { asked, ending } = await migration({ migrate: () => Promise.reject(failure('step_failed')) })
    expect(asked).toEqual(['planMigration', 'migrate', 'beginConvergence', 'stopWork', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'step_failed' } })
  })

  it('that cannot be planned has nothing to be ended', async () => {
    const { asked, ending } = await migration({ planMigration: () => Promise.reject(failure('migrations_disabled')) })
    expect(asked).toEqual(['planMigration'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'migrations_disabled' } })
  })

  it('whose end could not be recorded at once went well all the same', async () => {
    const { ending } = await migration({
      recordMigration: () => Promise.reject(failure('unexpected')),
      beginConvergence: async () => ({ isCommitted: true, leftovers: nothing }),
    })
    expect(ending).toEqual({ status: 'succeeded', outcome: 'migrated' })
  })
})
