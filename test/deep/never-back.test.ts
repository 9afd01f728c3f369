import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { operationSchema, stepsOf } from '../../stack/demo/operation.ts'
import { watch } from '../chaos/fault.ts'
import { kindOf } from '../chaos/kill-points.ts'
import { connectLabRegistry, type Joined, openScene, type Sample, type Scene } from '../e2e/scene.ts'
import { until } from '../lab/until.ts'

/** Postgres, Valkey and the gateway are on the scene's own server, the application on two others. */
let scene: Scene
let stays: Joined
let lost: Joined
let sample: Sample

beforeAll(async () => {
  scene = await openScene({ name: 'deep-never-back' })
  const web = await Promise.all([scene.join('s2'), scene.join('s3')])
  ;[stays, lost] = web
  const fleet = { serverIds: web.map(({ serverId }) => serverId), registryId: await connectLabRegistry(scene) }
  sample = await scene.sample('visits', { fleet })
  expect(await scene.ended(await scene.organisation.deploy(sample.environmentId))).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
}, 900_000)

afterAll(() => scene?.close())

const path = () => `/organisations/${scene.organisation.id}/servers/${lost.serverId}`
const serverNow = () => scene.client.get(path(), z.object({ status: z.string(), needsConvergence: z.boolean() }))
const bootOf = async ({ server }: Joined) => (await server.exec(['cat', '/proc/sys/kernel/random/boot_id'])).trim()
const containerIdsOf = async ({ server }: Joined) => new Set((await server.exec(['docker', 'ps', '--quiet'])).split('\n').filter(Boolean))

/** Containers that answer by now, by their ids; nobody is refused. */
async function answering(): Promise<Set<string>> {
  const answers = await Promise.all(Array.from({ length: 20 }, () => sample.ask('/')))
  for (const { status } of answers) expect(status).toBe(200)
  return new Set(answers.map(({ body }) => /^container (\S+)$/m.exec(body)?.[1] ?? body))
}

it('a server that is off after its reboot is named with what to do, is kept out, and serves again once somebody has started it', async () => {
  const [remaining, away] = [await containerIdsOf(stays), await containerIdsOf(lost)]
  const isServing = async (ids: ReadonlySet<string>) => [...(await answering())].some((id) => ids.has(id))
  expect([await isServing(remaining), await isServing(away)]).toEqual([true, true])

  await lost.server.stayOff()
  const operation = await scene.client.post(`${path()}/reboot`, {}, operationSchema)
  const { reaches, ended } = watch(scene, operation)
  await reaches((tree) => stepsOf(tree).some((step) => kindOf(step) === 'reboot'))
  await until('the server to be off', lost.server.isOff, 240)
  const tree = await ended
  expect(tree).toMatchObject({
    status: 'failed',
    failure: { code: 'server_not_back', server: 's3', step: 'reboot', hint: expect.stringContaining('Look at its console and start it'), message: expect.stringContaining('s3 has not come back from its reboot') },
  })
  expect(await serverNow()).toEqual({ status: 'unreachable', needsConvergence: true })
  expect(await isServing(away)).toBe(false)
  expect(await isServing(remaining)).toBe(true)

  await lost.server.start()
  const boot = await bootOf(lost)
  await until('the server to be in line', async () => !(await serverNow()).needsConvergence, 600)
  expect(await serverNow()).toEqual({ status: 'active', needsConvergence: false })
  await until('it to serve again', () => isServing(away), 60)
  expect(await bootOf(lost)).toBe(boot)
  expect((await scene.client.get(`/organisations/${scene.organisation.id}/operations/${operation.id}`, operationSchema)).status).toBe('failed')
})
