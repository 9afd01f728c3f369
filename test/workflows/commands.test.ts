import { ApplicationFailure } from '@temporalio/common'
import { describe, expect, it } from 'vitest'
import type { CommandRun } from '../../activities/commands.ts'
import type { Ending } from '../../db/operations/finish.ts'
import { workflowRunner } from './run-workflow.ts'

const runWorkflow = workflowRunner()

const on = { serverId: 'server', serverName: 's1' }
const image = { reference: 'sha256:new', isLocal: true }

/** Deploys with three commands and a migration; the command that `fails` names does. */
async function deploy(fails?: { command: string; code: string }) {
  const did: string[] = []
  const runs: CommandRun[] = []
  let ended: Ending | undefined
  const id = Math.random().toString(36).slice(2)
  const web = { id: 'web', name: 'web', role: 'web', operationId: `${id}-web`, reason: 'new image', retiring: ['old'] }
  const command = (timing: string, number: number) =>
    ({ replicaId: 'new', serverName: 's1', timing, command: `${timing} ${number}`, name: `${timing.replace('_', '-')} command ${number}` })
  const plan = {
    ...{ isUnchanged: false, environmentId: 'environment', commit: 'a'.repeat(40), kept: [], isImageNew: true, schedulers: [], warnings: [] },
    build: { ...on, unresolved: [], running: null, pulls: [] },
    migration: { replicaId: 'new', serverName: 's1', command: 'migrate', timing: 'pre_switch' },
    commands: [command('pre_switch', 1), command('pre_switch', 2), command('post_switch', 1)],
    services: [{ ...web, replicas: [{ id: 'new', operationId: `${id}-new`, ...on, askedBy: null }] }],
    gateways: [{ serviceId: 'gateway', operationId: `${id}-gateway`, ...on, asks: [] }],
  }
  const leftovers = { environmentId: 'environment', servers: [on], gateways: [], replicas: [], artifacts: [] }
  const activities = {
    begin: async () => true,
    planDeploy: async () => plan,
    buildImage: async () => image,
    migrate: async () => void did.push('migrate'),
    async runCommand(run: CommandRun) {
      runs.push(run)
      did.push(run.command)
      if (run.command !== fails?.command) return
      const failure = { code: fails.code, message: 'it failed', command: run.command, exitCode: 7 }
      throw ApplicationFailure.create({ type: fails.code, message: failure.message, nonRetryable: true, details: [failure] })
    },
    startReplica: async () => void did.push('start'),
    writeRevision: async () => ({ phase: 'phase' }),
    applyRevision: async () => void did.push('switch'),
    recordRelease: async () => void did.push('commit'),
    planCompletion: async () => ({ environmentId: 'environment', handovers: [], draining: [], retiring: [], closesPorts: false }),
    planPruning: async () => ({ environmentId: 'environment', servers: [] }),
    beginConvergence: async () => ({ isCommitted: false, leftovers }),
    stopWork: async () => void did.push('stop'),
    endConvergence: async () => void did.push('taken back'),
    async finish({ operationId, ending }: { operationId: string; ending: Ending }) {
      if (operationId === id) ended = ending
    },
  }
  await runWorkflow('environment_deploy', activities, id)
  return { did, runs, ended }
}

describe('commands of a deploy', () => {
  it('run after the migration and before any traffic, and once all traffic has switched, each as a step of its own', async () => {
    const { did, runs, ended } = await deploy()
    expect(did).toEqual(['migrate', 'pre_switch 1', 'pre_switch 2', 'start', 'switch', 'post_switch 1', 'commit'])
    expect(runs.map(({ order, name, image: used }) => ({ order, name, used }))).toEqual([
      { order: 31, name: 'pre-switch command 1', used: image },
      { order: 32, name: 'pre-switch command 2', used: image },
      { order: 51, name: 'post-switch command 1', used: image },
    ])
    expect(ended).toEqual({ status: 'succeeded', outcome: 'deployed' })
  })

  it.each([
    ['a pre-switch one before anything is started', 'pre_switch 1', ['migrate', 'pre_switch 1', 'stop', 'taken back']],
    ['a post-switch one when all have switched', 'post_switch 1', ['migrate', 'pre_switch 1', 'pre_switch 2', 'start', 'switch', 'post_switch 1', 'stop', 'taken back']],
  ])('that fail take the deploy back: %s', async (_, command, expected) => {
    const { did, ended } = await deploy({ command, code: 'step_failed' })
    expect(did).toEqual(expected)
    expect(ended).toEqual({ status: 'failed', failure: { code: 'step_failed', message: 'it failed', command, exitCode: 7 } })
  })

  it('whose end nobody knows fail the deploy as that', async () => {
    const { ended } = await deploy({ command: 'pre_switch 2', code: 'outcome_unknown' })
    expect(ended).toMatchObject({ status: 'failed', failure: { code: 'outcome_unknown' } })
  })
})
