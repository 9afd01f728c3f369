import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { operationSchema, stepsOf, type Operation, type OperationTree } from '../../stack/demo/operation.ts'
import { watch } from '../chaos/fault.ts'
import { kindOf } from '../chaos/kill-points.ts'
import { inspect } from '../lab/docker.ts'
import type { LabServer } from '../lab/index.ts'
import { until } from '../lab/until.ts'
import { recordHistories, recordRecoveries } from './histories.ts'
import { connectLabRegistry, type Joined, openScene, type Sample, type Scene } from './scene.ts'
import { underLoad, visitsOf } from './under-load.ts'

/** Postgres, Valkey and the gateway are on the scene's own server, the application on two others. */
let scene: Scene
let web: Joined[]
let sample: Sample

beforeAll(async () => {
  scene = await openScene({ name: 'reboot' })
  web = await Promise.all([scene.join('s2'), scene.join('s3')])
  const fleet = { serverIds: web.map(({ serverId }) => serverId), registryId: await connectLabRegistry(scene) }
  sample = await scene.sample('visits', { fleet, web: { drainWindowSeconds: 20 } })
  expect(await scene.deployed('reboot', sample)).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
}, 900_000)

afterAll(async () => {
  if (!scene) return
  await recordRecoveries(scene.keystone)
  await scene.close()
})

const serverPath = (serverId: string) => `/organisations/${scene.organisation.id}/servers/${serverId}`
const reboot = (serverId: string, wish = {}): Promise<Operation> => scene.client.post(`${serverPath(serverId)}/reboot`, wish, operationSchema)
const [s2, s3] = [() => web[0]!, () => web[1]!]

const linesOf = async (server: LabServer, ...argv: string[]) => (await server.exec(argv)).split('\n').filter(Boolean)
/** How often a server has been started again. */
const starts = async ({ server }: Pick<Joined, 'server'>) => Number(await inspect(server.container, '{{.RestartCount}}'))
const bootOf = async ({ server }: Pick<Joined, 'server'>) => (await server.exec(['cat', '/proc/sys/kernel/random/boot_id'])).trim()

/** Servers whose containers answer. */
async function answeredBy(): Promise<Set<string>> {
  const names = new Map<string, string>()
  for (const { server } of web) for (const id of await linesOf(server, 'docker', 'ps', '--quiet')) names.set(id, server.name)
  const answers = await Promise.all(Array.from({ length: 20 }, () => sample.ask('/')))
  return new Set(answers.map(({ body }) => names.get(/^container (\S+)$/m.exec(body)?.[1] ?? '') ?? body))
}

const bothAnswer = () => expect(answeredBy()).resolves.toEqual(new Set(['s2', 's3']))

async function policiesOf(server: LabServer): Promise<string[]> {
  const ids = await linesOf(server, 'docker', 'ps', '--all', '--quiet', '--filter', 'label=keystone.organisation')
  return [...new Set(await linesOf(server, 'docker', 'inspect', '--format', '{{.HostConfig.RestartPolicy.Name}}', ...ids))]
}

describe('a server whose environments another one serves too', () => {
  it('restarts once, and no request is lost, no minute is ticked twice or not at all', async () => {
    await until('the first tick', async () => (await visitsOf(sample)).ticks.length > 0)
    const before = { boot: await bootOf(s2()), starts: await starts(s2()) }
    const { result: tree, noticed } = await underLoad(scene, sample, async () => scene.ended(await reboot(s2().serverId)))
    await recordHistories(scene.keystone, 'server-restarted', tree)
    expect(tree).toMatchObject({ kind: 'server_reboot', status: 'succeeded', outcome: 'rebooted', failure: null, warnings: [] })
    expect(noticed).toEqual([])
    expect(await starts(s2())).toBe(before.starts + 1)
    expect(await bootOf(s2())).not.toBe(before.boot)
    const names = stepsOf(tree).toSorted((one, other) => Date.parse(one.startedAt) - Date.parse(other.startedAt)).map(kindOf)
    expect(names).toEqual([
      ...['apply gateway revision', 'drain old replicas', 'release scheduler', 'start scheduler', 'stop scheduler'],
      ...['reboot', 'resume containers', 'verify server', 'apply gateway revision'],
    ])
    await bothAnswer()
  })

  it('has everything as before, also for a boot that Keystone has nothing to do with', async () => {
    expect(await policiesOf(s2().server)).toEqual(['unless-stopped'])
    await s2().server.reboot()
    await until('both to answer', async () => (await answeredBy()).size === 2)
  })

  it('is brought back by the recovery where the workflow was lost on the way, and has restarted once all the same', async () => {
    const before = await starts(s3())
    const operation = await reboot(s3().serverId)
    const { reaches, ended } = watch(scene, operation)
    await reaches((tree) => stepsOf(tree).some((step) => kindOf(step) === 'reboot'))
    await scene.keystone.temporal.client.workflow.getHandle(operation.temporal.workflowId).terminate('the test wants it')
    expect(await ended).toMatchObject({ status: 'succeeded', outcome: 'recovered' })
    expect(await starts(s3())).toBe(before + 1)
    await bothAnswer()
  })

  it('stays out of the gateways where it is not as it was made ready, and comes back by itself once it is, without another restart', async () => {
    const before = await starts(s3())
    await s3().server.exec(['ufw', 'disable'])
    expect(await scene.ended(await reboot(s3().serverId))).toMatchObject({
      ...{ status: 'failed', failure: { code: 'step_failed', step: 'verify server', server: 's3', message: expect.stringContaining('has not come back from its reboot') } },
    })
    expect(await answeredBy()).toEqual(new Set(['s2']))
    const { needsConvergence } = await scene.client.get(serverPath(s3().serverId), z.object({ needsConvergence: z.boolean() }))
    expect(needsConvergence).toBe(true)
    await s3().server.exec(['ufw', '--force', 'enable'])
    await until('both to answer', async () => (await answeredBy()).size === 2, 240)
    expect(await starts(s3())).toBe(before + 1)
  })

  it('goes on being used where the reboot is cancelled before it', async () => {
    const before = await starts(s3())
    const operation = await reboot(s3().serverId)
    const { reaches, ended } = watch(scene, operation)
    await reaches((tree) => stepsOf(tree).some((step) => kindOf(step) === 'drain old replicas'))
    await scene.client.post(`/organisations/${scene.organisation.id}/operations/${operation.id}/cancel`, undefined, z.unknown())
    expect(await ended).toMatchObject({ status: 'cancelled' })
    expect(await starts(s3())).toBe(before)
    await bothAnswer()
  })
})

describe('a server that alone serves something', () => {
  it('restarts only for somebody who accepts that, and serves it again', async () => {
    const { serverId } = scene.prepared
    await expect(reboot(serverId)).rejects.toThrow(/acknowledgement_required: .*nobody reaches visits\.test, cache-s1, database-s1 while s1 restarts/)
    const before = await starts(scene)
    const tree: OperationTree = await scene.ended(await reboot(serverId, { acknowledgeDowntime: true }))
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'rebooted', warnings: [] })
    expect(await starts(scene)).toBe(before + 1)
    expect((await sample.ask('/visits')).status).toBe(200)
    await bothAnswer()
  })
})
