import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { z } from 'zod'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { randomFrom } from '../chaos/random.ts'
import { findRepeated, unitRuns } from '../lab/instruments/index.ts'
import { until } from '../lab/until.ts'
import { recordHistories } from './histories.ts'
import { openScene, type Sample, type Scene } from './scene.ts'
import { underLoad, visitsOf } from './under-load.ts'

let scene: Scene
let sample: Sample
const ids: Record<'web' | 'worker', string> = { web: '', worker: '' }

const succeeded = (outcome: string) => ({ status: 'succeeded', outcome, failure: null })
const service = (id: string) => `/organisations/${scene.organisation.id}/services/${id}`
const replicasSchema = z.object({
  items: z.array(z.object({ containerName: z.string(), status: z.string(), running: z.object({ cpuLimit: z.number().nullable(), memoryLimitMb: z.number().nullable() }).nullable() })),
})
const replicas = async (id: string) => (await scene.keystone.client.get(`${service(id)}/replicas`, replicasSchema)).items
const onServer = async (...argv: string[]) => (await scene.server.exec(argv)).split('\n').filter(Boolean)
/** Container ids of the main processes of a service. */
const containers = async (name: string) =>
  (await onServer('docker', 'ps', '--no-trunc', '--filter', `name=^visits-production-${name}-[0-9a-f]*$`, '--format', '{{.ID}}')).toSorted()
const limitsOf = (id: string) => onServer('docker', 'inspect', '--format', '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}', id)
/** Of the web service; its limits stand against those of the service. */
const place = (count: number) => ({ serverId: scene.prepared.serverId, count, cpuLimit: 1.5, memoryLimitMb: null })
const ended = async (name: string, operation: { id: string } & Parameters<Scene['ended']>[0]): Promise<OperationTree> => {
  const tree = await scene.ended(operation)
  await recordHistories(scene.keystone, name.replaceAll(' ', '-'), tree)
  return tree
}
const random = randomFrom(inject('seed'))
/** The same, though the worker is killed on the way: at any moment, which the seed decides. */
const endedThoughKilled: typeof ended = async (name, operation) => {
  await pause(random() * 2500)
  await scene.keystone.worker.end('SIGKILL')
  await scene.keystone.worker.start()
  return ended(name, operation)
}
const deployed = async () => scene.ended(await scene.organisation.deploy(sample.environmentId))
const push = (version: string) => scene.lab.gitHost.pushCommit(sample.repository, 'main', { files: { VERSION: `${version}\n` } })
const versionServed = async () => /^visits version (.+)$/m.exec((await sample.ask('/')).body)?.[1]

beforeAll(async () => {
  scene = await openScene({ name: 'lifecycle' })
  sample = await scene.sample('visits')
  for (const { id, name } of await scene.organisation.services(sample.environmentId)) if (name === 'web' || name === 'worker') ids[name] = id
  await scene.organisation.changeService(ids.web, { cpuLimit: 0.5, memoryLimitMb: 300, placements: [place(1)] })
  expect(await deployed()).toMatchObject(succeeded('deployed'))
}, 900_000)

afterAll(() => scene?.close())

describe('scaling', () => {
  it('up starts another replica beside the one that runs, and down retires one, while nobody notices', async () => {
    const [only] = await containers('web')
    await scene.organisation.changeService(ids.web, { placements: [place(2)] })
    await scene.organisation.changeService(ids.worker, { cpuLimit: 0.5, memoryLimitMb: 300 })
    const { noticed } = await underLoad(scene, sample, async () => {
      expect(await deployed()).toMatchObject(succeeded('deployed'))
      expect(await containers('web')).toHaveLength(2)
      expect(await containers('web')).toContain(only)
      await scene.organisation.changeService(ids.web, { placements: [place(1)] })
      expect(await deployed()).toMatchObject(succeeded('deployed'))
    })
    expect(noticed).toEqual([])
    expect(await containers('web')).toEqual([only])
    expect(await deployed()).toMatchObject(succeeded('unchanged'))
  })

  it('gives the limits of a place rather than those of the service, and shows what Docker really has', async () => {
    const [web = ''] = await containers('web')
    const [worker = ''] = await containers('worker')
    expect([await limitsOf(web), await limitsOf(worker)]).toEqual([['1500000000 0'], ['500000000 314572800']])
    expect(await replicas(ids.web)).toMatchObject([{ status: 'running', running: { cpuLimit: 1.5, memoryLimitMb: null } }])
    expect(await replicas(ids.worker)).toMatchObject([{ status: 'running', running: { cpuLimit: 0.5, memoryLimitMb: 300 } }])
  })
})

describe('a service of an environment', () => {
  it('is restarted without anybody noticing', async () => {
    const before = await containers('web')
    const { result, noticed } = await underLoad(scene, sample, async () => {
      const { operation, interruption } = await scene.organisation.restartService(ids.web)
      expect(interruption).toBeNull()
      return ended('web restarted', operation)
    })
    expect(result).toMatchObject({ kind: 'service_restart', ...succeeded('restarted') })
    expect(noticed).toEqual([])
    const after = await containers('web')
    expect([after.length, before.includes(after[0]!)]).toEqual([1, false])
    expect(await deployed()).toMatchObject(succeeded('unchanged'))
  })

  it('that is stopped stays so over a deploy, which says it, and starts with the version that is live', async () => {
    const { operation, interruption } = await scene.organisation.stopService(ids.worker)
    expect(interruption?.message).toBe('Jobs wait in their queue until worker is started again.')
    expect(await endedThoughKilled('worker stopped', operation)).toMatchObject(succeeded('stopped'))
    expect(await containers('worker')).toEqual([])
    await push('two')
    const tree = await deployed()
    expect(tree).toMatchObject(succeeded('deployed'))
    expect(tree.warnings).toContainEqual(expect.objectContaining({ code: 'service_stopped', message: 'worker is stopped and stays so.' }))
    expect([await versionServed(), await containers('worker')]).toEqual(['two', []])
    await sample.ask('/visit')
    const { rows, processed } = await visitsOf(sample)
    expect(processed).toBeLessThan(rows)
    expect(await endedThoughKilled('worker started', (await scene.organisation.startService(ids.worker)).operation)).toMatchObject(succeeded('started'))
    const [web, worker] = [await containers('web'), await containers('worker')]
    const images = await onServer('docker', 'inspect', '--format', '{{.Image}}', ...web, ...worker)
    expect(new Set(images).size).toBe(1)
    await until('the waiting job to be done', async () => {
      const now = await visitsOf(sample)
      return now.processed === now.rows
    })
  })

  it('for the web answers 503 while it is stopped, and has its scheduler back when it is started', async () => {
    const { operation, interruption } = await scene.organisation.stopService(ids.web)
    expect(interruption?.message).toContain('503')
    expect(await endedThoughKilled('web stopped', operation)).toMatchObject(succeeded('stopped'))
    expect(await sample.ask('/')).toMatchObject({ status: 503, body: expect.stringContaining('no running version') })
    expect(await onServer('docker', 'ps', '--quiet', '--filter', 'name=visits-production-web')).toEqual([])
    expect(await endedThoughKilled('web started', (await scene.organisation.startService(ids.web)).operation)).toMatchObject(succeeded('started'))
    expect(await sample.ask('/')).toMatchObject({ status: 200 })
    const [web] = await replicas(ids.web)
    const schedulers = await onServer('docker', 'ps', '--filter', 'label=keystone.scheduler=yes', '--format', '{{.Names}}')
    expect(schedulers).toEqual([`${web?.containerName}-scheduler`])
  })

  it('with the policy manual is left alone by a deploy, and deployed by its own', async () => {
    const before = await containers('worker')
    await scene.organisation.changeService(ids.worker, { deployPolicy: 'manual' })
    await push('three')
    expect(await deployed()).toMatchObject(succeeded('deployed'))
    expect([await versionServed(), await containers('worker')]).toEqual(['three', before])
    const tree = await scene.ended(await scene.keystone.client.post(`${service(ids.worker)}/deployments`, undefined, z.any()))
    expect(tree).toMatchObject({ kind: 'service_deploy', ...succeeded('deployed') })
    const after = [...(await containers('web')), ...(await containers('worker'))]
    expect(new Set(await onServer('docker', 'inspect', '--format', '{{.Image}}', ...after)).size).toBe(1)
  })
})

describe('a database', () => {
  const running = () => onServer('docker', 'ps', '--quiet', '--filter', 'name=^database-s1-')
  const started = async () => onServer('docker', 'inspect', '--format', '{{.Id}} {{.State.StartedAt}}', ...(await running()))

  it('says that it is away while it is restarted, and is the same container', async () => {
    const [before = ''] = await started()
    const { operation, interruption } = await scene.organisation.restartService(scene.prepared.databaseId)
    expect(interruption).toEqual({ message: expect.stringContaining('requests and jobs that need it fail meanwhile'), environments: ['production of visits'] })
    expect(await endedThoughKilled('database restarted', operation)).toMatchObject(succeeded('restarted'))
    const [after = ''] = await started()
    expect(after).not.toBe(before)
    expect(after.split(' ')[0]).toBe(before.split(' ')[0])
    expect(await sample.ask('/visits')).toMatchObject({ status: 200 })
  })

  it('has its data when it is started after it was stopped; what needs it is not deployed meanwhile', async () => {
    const { rows } = await visitsOf(sample)
    expect(await endedThoughKilled('database stopped', (await scene.organisation.stopService(scene.prepared.databaseId)).operation)).toMatchObject(succeeded('stopped'))
    expect(await running()).toEqual([])
    await push('four')
    expect(await deployed()).toMatchObject({ status: 'failed', failure: { code: 'service_unreachable', message: 'database-s1 does not run.' } })
    const tree = await endedThoughKilled('database started', (await scene.organisation.startService(scene.prepared.databaseId)).operation)
    expect(tree).toMatchObject(succeeded('started'))
    expect(stepsOf(tree).map(({ name }) => name)).toContain('start Postgres')
    expect((await visitsOf(sample)).rows).toBe(rows)
  })

  it('is not moved, and says why', async () => {
    const moved = scene.organisation.changeService(scene.prepared.databaseId, { placements: [{ serverId: scene.prepared.serverId, count: 2 }] })
    await expect(moved).rejects.toMatchObject({ status: 422, code: 'service_bound' })
  })
})

describe('a gateway', () => {
  it('that is stopped is started before anything is deployed behind it, and serves the version of before once it is', async () => {
    const { gatewayId } = scene.prepared
    expect(await scene.ended((await scene.organisation.stopService(gatewayId)).operation)).toMatchObject(succeeded('stopped'))
    const refused = { code: 'gateway_stopped', message: expect.stringContaining('gateway-s1 on s1'), hint: 'Start gateway-s1, then try again.' }
    const tree = await deployed()
    expect(tree).toMatchObject({ status: 'failed', failure: refused })
    expect(stepsOf(tree)).toEqual([])
    expect(await scene.ended((await scene.organisation.startService(gatewayId)).operation)).toMatchObject(succeeded('started'))
    expect(await versionServed()).toBe('three')
    expect(await deployed()).toMatchObject(succeeded('deployed'))
    expect(await versionServed()).toBe('four')
  })
})

it('nothing was done a second time, whenever a worker was killed', async () => {
  expect(findRepeated(await unitRuns(scene.server)).filter(({ isAfterItsEnd }) => isAfterItsEnd)).toEqual([])
  expect(await onServer('docker', 'ps', '--all', '--quiet', '--filter', 'status=exited')).toEqual([])
})
