import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import type { Ending } from '../../db/operations/finish.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

const on = { serverId: 'builder', serverName: 'builder' }

/** Runs a deploy whose image a dedicated builder makes, after as many builds as `turns` say one after the other. */
async function deployAfter(turns: readonly number[], buildImage: () => Promise<unknown>) {
  const asked: string[] = []
  const endings: Ending[] = []
  const left = [...turns]
  const build = { ...on, builder: { id: 'service', name: 'builder' }, unresolved: [], running: null, pulls: [] }
  const plan = {
    ...{ isUnchanged: false, environmentId: 'environment', commit: 'a'.repeat(40), kept: [], isImageNew: true, schedulers: [], warnings: [], migration: null },
    ...{ build, services: [], gateways: [] },
  }
  const leftovers = { environmentId: 'environment', servers: [], gateways: [], replicas: [], artifacts: [] }
  const does = {
    begin: async () => true,
    planDeploy: async () => plan,
    awaitBuilder: async () => ({ ahead: left.shift() ?? 0 }),
    buildImage,
    leaveBuilder: async () => {},
    recordRelease: async () => {},
    planCompletion: async () => ({ environmentId: 'environment', handovers: [], draining: [], retiring: [], closesPorts: false }),
    planPruning: async () => ({ environmentId: 'environment', servers: [] }),
    beginConvergence: async () => ({ isCommitted: false, leftovers }),
    endConvergence: async () => {},
    finish: async ({ ending }: { ending: Ending }) => void endings.push(ending),
  }
  const noted = Object.entries(does).map(([name, activity]) => [
    name,
    async (input: never) => {
      asked.push(name)
      return activity(input)
    },
  ])
  await runWorkflow('environment_deploy', Object.fromEntries(noted), Math.random().toString(36).slice(2))
  return { asked, ending: endings[0] }
}

describe('a build at a dedicated builder', () => {
  it('begins when it is its turn, and lets the next one in when it has ended', async () => {
    const { asked, ending } = await deployAfter([2, 1, 0], async () => ({ reference: 'registry.lab/shop@sha256:new', isLocal: false }))
    expect(asked.slice(2, 7)).toEqual(['awaitBuilder', 'awaitBuilder', 'awaitBuilder', 'buildImage', 'leaveBuilder'])
    expect(ending).toEqual({ status: 'succeeded', outcome: 'deployed' })
  })

  it('lets the next one in also when it has failed', async () => {
    const failure = { code: 'step_failed', message: 'the build failed' }
    const { asked, ending } = await deployAfter([0], async () => {
      throw ApplicationFailure.create({ type: failure.code, message: failure.message, nonRetryable: true, details: [failure] })
    })
    expect(asked.slice(2)).toEqual(['awaitBuilder', 'buildImage', 'leaveBuilder', 'beginConvergence', 'endConvergence', 'finish'])
    expect(ending).toEqual({ status: 'failed', failure })
  })
})
