import { describe, expect, it } from 'vitest'
import { failure, nothing, operationRunner } from './run-operation.ts'

const runOperation = operationRunner()

const on = { serverId: 'builder', serverName: 'builder' }

/** Runs a deploy whose image a dedicated builder makes, after as many builds as `turns` say one after the other. */
async function deployAfter(turns: readonly number[], buildImage: () => Promise<unknown>) {
  const left = [...turns]
  const build = { ...on, builder: { id: 'service', name: 'builder' }, unresolved: [], running: null, pulls: [] }
  const plan = {
    ...{ isUnchanged: false, environmentId: 'environment', commit: 'a'.repeat(40), kept: [], isImageNew: true, schedulers: [], warnings: [], migration: null },
    ...{ build, services: [], gateways: [] },
  }
  const activities = {
    planDeploy: async () => plan,
    awaitBuilder: async () => ({ ahead: left.shift() ?? 0 }),
    buildImage,
    leaveBuilder: async () => {},
    recordRelease: async () => {},
    planCompletion: async () => ({ environmentId: 'environment', handovers: [], draining: [], retiring: [], closesPorts: false }),
    planPruning: async () => ({ environmentId: 'environment', servers: [] }),
    beginConvergence: async () => ({ isCommitted: false, leftovers: { ...nothing, environmentId: 'environment' } }),
    endConvergence: async () => {},
  }
  return runOperation('environment_deploy', activities, { operationId: Math.random().toString(36).slice(2) })
}

describe('a build at a dedicated builder', () => {
  it('begins when it is its turn, and lets the next one in when it has ended', async () => {
    const { asked, ending } = await deployAfter([2, 1, 0], async () => ({ reference: 'registry.lab/shop@sha256:new', isLocal: false }))
    expect(asked.slice(1, 6)).toEqual(['awaitBuilder', 'awaitBuilder', 'awaitBuilder', 'buildImage', 'leaveBuilder'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'deployed' })
  })

  it('lets the next one in also when it has failed', async () => {
    const { asked, ending } = await deployAfter([0], () => Promise.reject(failure('step_failed')))
    expect(asked.slice(1)).toEqual(['awaitBuilder', 'buildImage', 'leaveBuilder', 'beginConvergence', 'endConvergence'])
    expect(ending).toMatchObject({ status: 'failed', failure: { code: 'step_failed' } })
  })
})
