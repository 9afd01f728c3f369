import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { compareFingerprints, migrationsRan, recordDockerEvents, serverFingerprint, unitRuns } from '../lab/instruments/index.ts'
import { until } from '../lab/until.ts'
import { report } from './report.ts'
import { openScene, type Sample, type Scene } from './scene.ts'
import { secretsSeen } from './secrets.ts'

const visitsSchema = z.object({
  rows: z.number(),
  processed: z.number(),
  cached: z.number(),
  ticks: z.array(z.object({ minute: z.string(), container: z.string() })),
})
const userSecret = 'sk_test_4eC39HqLyjWDarjtT1zdp7dc'

let scene: Scene
let visits: Sample
let first: OperationTree

const visitsNow = async () => visitsSchema.parse(JSON.parse((await visits.ask('/visits')).body))
const containers = async (filter: string) => {
  const names = await scene.server.exec(['docker', 'ps', '--filter', filter, '--format', '{{.Names}}'])
  return names.split('\n').filter(Boolean)
}

beforeAll(async () => {
  scene = await openScene({ name: 'deploy', preinstalled: false })
  visits = await scene.sample('visits')
  await scene.organisation.setVariable(visits.environmentId, 'STRIPE_SECRET', userSecret)
  first = await scene.deployed('first deploy', visits)
}, 1_800_000)

afterAll(() => scene.close())

describe('a first deploy', () => {
  it('succeeds, and says what it did', () => {
    expect(first).toMatchObject({ status: 'succeeded', outcome: 'deployed', failure: null, warnings: [] })
    expect(stepsOf(first).every(({ status, exitCode }) => status === 'succeeded' && exitCode === 0)).toBe(true)
  })

  it('answers through Caddy with the commit that is the head of its branch', async () => {
    const head = await scene.lab.gitHost.head(visits.repository, 'main')
    expect(await visits.ask('/')).toMatchObject({ status: 200, body: expect.stringContaining(`commit ${head}`) })
    expect((await visits.ask('/up')).status).toBe(200)
  })

  it('has its database and its cache, and a worker that does its jobs', async () => {
    const before = await visitsNow()
    expect((await visits.ask('/visit')).status).toBe(200)
    await until('the job to be done', async () => (await visitsNow()).processed === before.rows + 1)
    expect(await visitsNow()).toMatchObject({ rows: before.rows + 1, cached: before.cached + 1 })
  })

  it('has run every migration once', async () => {
    const [container = ''] = await containers(`label=keystone.service=${scene.prepared.databaseId}`)
    const ran = await migrationsRan(scene.server, { container, database: 'visits_production' })
    expect(ran.length).toBeGreaterThan(0)
    expect(ran.map(({ batch }) => batch)).toEqual(ran.map(() => 1))
    expect(new Set(ran.map(({ migration }) => migration)).size).toBe(ran.length)
    expect((await unitRuns(scene.server)).filter(({ step }) => step.endsWith('-migrate'))).toHaveLength(1)
  })

  it("is built from Keystone's own template, for the repository's Dockerfile cannot be built", async () => {
    expect(await readFile(new URL('../lab/app/Dockerfile', import.meta.url), 'utf8')).toMatch(/^RUN .*(false|exit 1)/m)
    const [web = ''] = await containers('name=-web-')
    expect(await scene.server.exec(['docker', 'inspect', '--format', '{{.Config.Image}}', web])).not.toBe('')
  })
})

describe('in Temporal', () => {
  it('a deploy and its parts are found by environment and commit, and say what they are', async () => {
    const { client } = scene.keystone.temporal
    const commit = await scene.lab.gitHost.head(visits.repository, 'main')
    const query = `KeystoneEnvironment = "${visits.environmentId}" and KeystoneCommit = "${commit}"`
    const types: string[] = []
    for await (const { type } of client.workflow.list({ query })) types.push(type)
    expect(new Set(types)).toEqual(new Set(['environment_deploy', 'service_deploy', 'replica_deploy', 'gateway_cutover']))
    const handle = client.workflow.getHandle(first.temporal.workflowId)
    expect(await (await handle.describe()).staticSummary()).toBe(first.summary)
    const { currentDetails } = await handle.query<{ currentDetails: string }>('__temporal_workflow_metadata')
    expect(currentDetails).toContain('running:** complete')
  })

  it('every activity names its step and server, and no history holds more than ids, names and numbers', async () => {
    const { events } = await scene.keystone.temporal.client.workflow.getHandle(first.temporal.workflowId).fetchHistory()
    const remote = (events ?? []).filter(
      ({ activityTaskScheduledEventAttributes: scheduled }) => Number(scheduled?.heartbeatTimeout?.seconds) > 0,
    )
    const summaries = remote.map(({ userMetadata }) => Buffer.from(userMetadata?.summary?.data ?? '').toString())
    expect(summaries).toContain('"build image on s1"')
    expect(summaries.filter((summary) => !summary.endsWith(' on s1"'))).toEqual([])
    expect(JSON.stringify(events).length).toBeLessThan(200_000)
  })
})

describe('the same commit again', () => {
  it('is nothing to do, and no container is touched', async () => {
    const recording = await recordDockerEvents(scene.server)
    const again = await scene.deployed('the same commit again', visits)
    expect(again).toMatchObject({ status: 'succeeded', outcome: 'unchanged', steps: [], children: [] })
    expect(await recording.stop()).toEqual([])
  })
})

describe.each([
  { branch: 'broken-build', step: 'build image', code: 'step_failed' },
  { branch: 'broken-migration', step: 'migrate', code: 'step_failed', tail: 'this migration fails' },
  { branch: 'unhealthy', step: 'start web', code: 'step_failed' },
])('$branch', ({ branch, step, code, tail = '' }) => {
  it('fails with its cause, and leaves nothing behind', async () => {
    const before = await serverFingerprint(scene.server)
    const failed = await scene.deployed(branch, visits, { branch })
    expect(failed).toMatchObject({
      status: 'failed',
      failure: { code, step, server: 's1', exitCode: expect.any(Number), tail: expect.stringContaining(tail) },
    })
    expect(failed.failure?.exitCode).not.toBe(0)
    expect(failed.failure?.hint).toBeTruthy()
    expect(compareFingerprints(before, await serverFingerprint(scene.server))).toEqual([])
    const head = await scene.lab.gitHost.head(visits.repository, 'main')
    expect((await visits.ask('/')).body).toContain(`commit ${head}`)
  })
})

describe('after all of this', () => {
  it('the scheduler ticks once a minute, from one container', async () => {
    expect(await containers('label=keystone.scheduler=yes')).toHaveLength(1)
    await until('three ticks', async () => (await visitsNow()).ticks.length >= 3, 200)
    const { ticks } = await visitsNow()
    expect(new Set(ticks.map(({ minute }) => minute)).size).toBe(ticks.length)
    expect(new Set(ticks.map(({ container }) => container)).size).toBe(1)
  })

  it('no secret is where it must not be', async () => {
    const { searched, found } = await secretsSeen(scene, { userSecret })
    await report((result) => ({ ...result, secretsFound: result.secretsFound + found.length }))
    expect(searched.join('\n')).toMatch(/deploy_key_private[^]*management_key_private[^]*admin_credentials|admin_credentials/)
    expect(found).toEqual([])
  })
})
