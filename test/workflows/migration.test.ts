import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import type { Ending } from '../../db/operations/finish.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

const failure = (code: string) => ApplicationFailure.create({ type: code, message: code, nonRetryable: true, details: [{ code, message: code }] })
const on = { serverId: 'server', serverName: 's1' }

/** Runs a migration by hand whose activities note what they were asked; those that are named here do something else. */
async function migration(others: Record<string, (input: never) => Promise<unknown>> = {}) {
  const asked: [string, unknown][] = []
  let ended: Ending | undefined
  const does = {
    begin: async () => true,
    planMigration: async () => ({ replicaId: 'web', serverName: 's1', command: 'php artisan migrate --force', image: { reference: 'sha256:live', isLocal: true } }),
    migrate: async () => {},
    recordMigration: async () => {},
    beginConvergence: async () => ({ isCommitted: false, leftovers: { environmentId: 'environment', servers: [on], gateways: [], replicas: [], artifacts: [] } }),
    stopWork: async () => {},
    endConvergence: async () => {},
    async finish({ ending }: { ending: Ending }) {
      ended = ending
    },
    ...others,
  }
  const noted = Object.entries(does).map(([name, activity]) => [
    name,
    async (input: never) => {
      if (!['begin', 'finish'].includes(name)) asked.push([name, input])
      return activity(input)
    },
  ])
  await runWorkflow('migration_run', Object.fromEntries(noted))
  return { asked, names: asked.map(([name]) => name), ended }
}

describe('a migration by hand', () => {
  it('runs its command with the image of what is live, and is done', async () => {
    const { asked, names, ended } = await migration()
    expect(names).toEqual(['planMigration', 'migrate', 'recordMigration'])
    expect(asked[1]?.[1]).toEqual({
      ...{ operationId: 'operation', order: 10, replicaId: 'web' },
      ...{ command: 'php artisan migrate --force', image: { reference: 'sha256:live', isLocal: true } },
    })
    expect(ended).toEqual({ status: 'succeeded', outcome: 'migrated' })
  })

  it('that fails has its container ended, and nothing else is touched', async () => {
    const { names, ended } = await migration({ migrate: () => Promise.reject(failure('step_failed')) })
    expect(names).toEqual(['planMigration', 'migrate', 'beginConvergence', 'stopWork', 'endConvergence'])
    expect(ended).toMatchObject({ status: 'failed', failure: { code: 'step_failed' } })
  })

  it('that cannot be planned has nothing to be ended', async () => {
    const { names, ended } = await migration({ planMigration: () => Promise.reject(failure('migrations_disabled')) })
    expect(names).toEqual(['planMigration'])
    expect(ended).toMatchObject({ status: 'failed', failure: { code: 'migrations_disabled' } })
  })

  it('whose end could not be recorded at once went well all the same', async () => {
    const leftovers = { environmentId: 'environment', servers: [], gateways: [], replicas: [], artifacts: [] }
    const { ended } = await migration({
      recordMigration: () => Promise.reject(failure('unexpected')),
      beginConvergence: async () => ({ isCommitted: true, leftovers }),
    })
    expect(ended).toEqual({ status: 'succeeded', outcome: 'migrated' })
  })
})
