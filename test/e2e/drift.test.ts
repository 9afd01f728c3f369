import { afterAll, beforeAll, expect, it } from 'vitest'
import { z } from 'zod'
import { findingSchema } from '../../api/schemas/drift.ts'
import { observationSchema, serverHealthSchema } from '../../api/schemas/health.ts'
import { operationSchema } from '../../stack/demo/operation.ts'
import { until } from '../lab/until.ts'
import { openScene, type Sample, type Scene } from './scene.ts'

let scene: Scene
let sample: Sample

beforeAll(async () => {
  scene = await openScene({ name: 'drift' })
  sample = await scene.sample('visits')
  expect(await deployed()).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
}, 900_000)

afterAll(() => scene?.close())

const deployed = async () => scene.ended(await scene.organisation.deploy(sample.environmentId))
const root = () => `/organisations/${scene.organisation.id}`

const observations = async () => {
  const path = `${root()}/servers/${scene.prepared.serverId}/metrics`
  return (await scene.client.get(path, z.object({ items: z.array(observationSchema) }))).items
}

/** What the schedule does every five minutes, now: returns how the server was seen. */
async function look() {
  const before = (await observations()).length
  await scene.keystone.temporal.client.schedule.getHandle('keystone-server-watch').trigger()
  await until('the server to be looked at', async () => (await observations()).length > before, 90)
  return (await observations())[0]!
}

const health = () => scene.client.get(`${root()}/servers/${scene.prepared.serverId}/health`, serverHealthSchema)

const findings = async (state = 'open') =>
  (await scene.client.get(`${root()}/drift?state=${state}&serverId=${scene.prepared.serverId}`, z.object({ items: z.array(findingSchema) }))).items

const onServer = async (...argv: string[]) => (await scene.server.exec(argv)).trim()
const containerOf = (service: string) => onServer('docker', 'ps', '--all', '--no-trunc', '--filter', `label=keystone.service=${service}`, '--filter', 'label=com.docker.compose.oneoff=False', '--format', '{{.Names}}')
const idOf = (container: string) => onServer('docker', 'inspect', '--format', '{{.Id}}', container)

const replicasSchema = z.object({
  items: z.array(
    z.object({
      ...{ containerName: z.string(), status: z.string(), healthStatus: z.string() },
      observed: z.object({ status: z.string().nullable(), containerId: z.string().nullable(), at: z.string() }).nullable(),
    }),
  ),
})
const replicas = async (service: string) => (await scene.client.get(`${root()}/services/${service}/replicas`, replicasSchema)).items
const serviceCalled = async (name: string) => (await scene.organisation.services(sample.environmentId)).find((service) => service.name === name)!.id

it('a server that is as Keystone made it shows nothing, and how it is', async () => {
  expect(await look()).toMatchObject({ isReachable: true, failure: null, measures: { clockAheadMs: 0 } })
  const [{ measures }] = (await observations()) as [z.infer<typeof observationSchema>]
  expect(measures?.diskFreeMb).toBeGreaterThan(0)
  expect(measures!.memoryTotalMb).toBeGreaterThan(measures!.memoryAvailableMb)
  expect(await findings('all')).toEqual([])
  expect((await health()).reasons.map(({ code }) => code)).not.toContain('drift')
  expect(measures?.docker).toBe(await onServer('docker', 'version', '--format', '{{.Server.Version}}'))
  for (const service of [await serviceCalled('web'), await serviceCalled('worker'), scene.prepared.databaseId, scene.prepared.gatewayId]) {
    const [replica] = await replicas(service)
    const containerId = await idOf(replica!.containerName)
    expect(replica).toMatchObject({ healthStatus: 'healthy', observed: { status: 'running', containerId } })
  }
})

it('what a deploy is changing is no difference, however often the server is looked at meanwhile', async () => {
  await scene.lab.gitHost.pushCommit(sample.repository, 'main', { files: { VERSION: 'second\n' } })
  const before = (await observations()).length
  const operation = await scene.organisation.deploy(sample.environmentId)
  let hasEnded = false
  const ended = scene.ended(operation).finally(() => {
    hasEnded = true
  })
  while (!hasEnded) await look()
  expect(await ended).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
  await look()
  expect((await observations()).length - before).toBeGreaterThan(3)
  expect(await findings('all')).toEqual([])
})

it('what somebody has changed is told, each with what was meant and what was found, and nothing of it is changed back', async () => {
  const [web, worker] = [await serviceCalled('web'), await serviceCalled('worker')]
  const { databaseId, cacheId, gatewayId } = scene.prepared
  const [webContainer, workerContainer] = [await replicas(web), await replicas(worker)].map(([replica]) => replica!.containerName) as [string, string]
  const [database, cache, gateway] = [await containerOf(databaseId), await containerOf(cacheId), await containerOf(gatewayId)]
  await onServer('docker', 'stop', '--time', '1', webContainer)
  await onServer('docker', 'rm', '--force', workerContainer)
  await onServer('docker', 'update', '--memory', '900m', '--memory-swap', '900m', database)
  await onServer('sh', '-c', `echo 'MORE=1' >>/home/keystone/services/${databaseId}/.env && rm /home/keystone/services/${cacheId}/compose.yml`)
  const labels = await onServer('docker', 'inspect', '--format', '{{range $name, $value := .Config.Labels}}--label {{$name}}={{$value}} {{end}}', cache)
  await onServer('sh', '-c', `docker rm --force ${cache} && docker run --detach --name ${cache} ${labels.replaceAll(/--label (?!keystone|com\.docker\.compose\.oneoff)\S+/g, '')} caddy:2 sleep 9999`)
  await onServer('docker', 'run', '--detach', '--name', 'stray', '--label', `keystone.organisation=${scene.organisation.id}`, 'caddy:2', 'sleep', '9999')
  await onServer('sh', '-c', `cd /home/keystone/gateway && curl --silent --fail --unix-socket admin.sock -X PUT -H 'Content-Type: application/json' -d '"7s"' http://localhost/config/apps/http/grace_period`)
  await onServer('iptables', '--flush', 'KEYSTONE-PORTS')
  await onServer('sed', '-i', 's/^PasswordAuthentication no$/PasswordAuthentication yes/', '/etc/ssh/sshd_config.d/00-keystone.conf')
  await onServer('ufw', 'default', 'allow', 'incoming')
  await onServer('systemctl', 'stop', 'fail2ban')
  await onServer('rm', '/etc/apt/apt.conf.d/20auto-upgrades')

  await look()
  const found = (await findings()).map(({ code, subject }) => `${code} ${subject}`).toSorted()
  expect(found).toEqual(
    [
      ...[`container_stopped ${webContainer}`, `container_missing ${workerContainer}`, `limits_changed ${database}`],
      ...[`file_changed /home/keystone/services/${databaseId}/.env`, `file_missing /home/keystone/services/${cacheId}/compose.yml`],
      ...[`image_changed ${cache}`, `container_replaced ${cache}`, 'container_unknown stray'],
      ...[`gateway_changed ${gateway}`, 'firewall_changed KEYSTONE-PORTS'],
      ...['rule_changed sshd', 'rule_changed ufw', 'rule_changed fail2ban', 'rule_changed unattended-upgrades'],
    ].toSorted(),
  )
  const stopped = (await findings()).find(({ code }) => code === 'container_stopped')
  expect(stopped).toMatchObject({ environmentId: sample.environmentId, serviceId: web, found: 'exited', expected: 'running', server: { name: 's1' } })
  expect(stopped!.hint).toContain('Deploy production again')
  const open = (await findings()).find(({ subject }) => subject === 'ufw')
  expect(open).toMatchObject({ expected: 'active, deny (incoming)', found: 'active, allow (incoming)', message: 'UFW does not shut s1 to what comes in.' })
  expect((await replicas(web))[0]).toMatchObject({ status: 'running', healthStatus: 'unhealthy', observed: { status: 'exited' } })
  expect((await replicas(worker))[0]).toMatchObject({ status: 'running', healthStatus: 'unhealthy', observed: { status: null } })
  expect(await onServer('docker', 'inspect', '--format', '{{.State.Status}}', webContainer)).toBe('exited')

  expect(await health()).toMatchObject({ status: 'degraded', reasons: expect.arrayContaining([expect.objectContaining({ code: 'drift' })]) })

  const [first] = await findings()
  await look()
  const again = (await findings()).find(({ id }) => id === first!.id)!
  expect(await findings()).toHaveLength(found.length)
  expect(again.firstSeenAt).toBe(first!.firstSeenAt)
  expect(Date.parse(again.lastSeenAt)).toBeGreaterThan(Date.parse(first!.lastSeenAt))
})

it('a server that does not answer is told as such, and what was found there stays', async () => {
  const open = await findings()
  await scene.server.pause()
  const seen = await look().finally(() => scene.server.unpause())
  expect(seen).toMatchObject({ isReachable: false, measures: null, failure: expect.stringContaining('s1') })
  expect(await findings()).toEqual(open)
  expect(await health()).toMatchObject({ status: 'unreachable', reasons: [{ code: 'unreachable' }] })
})

it('what is done as each hint says ends it', async () => {
  const { databaseId, cacheId, serverId } = scene.prepared
  await onServer('docker', 'rm', '--force', 'stray')
  await onServer('docker', 'rm', '--force', await containerOf(cacheId))
  for (const id of [cacheId, databaseId]) {
    const operation = await scene.client.post(`${root()}/services/${id}/deployments`, undefined, operationSchema)
    expect(await scene.ended(operation)).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
  }
  const hardening = await scene.client.post(`${root()}/servers/${serverId}/harden`, undefined, operationSchema)
  expect(await scene.ended(hardening)).toMatchObject({ status: 'succeeded', outcome: 'hardened' })
  expect(await deployed()).toMatchObject({ status: 'succeeded', outcome: 'deployed' })
  await look()
  expect(await findings()).toEqual([])
  expect((await findings('resolved')).length).toBeGreaterThanOrEqual(14)
  expect(await sample.ask('/')).toMatchObject({ status: 200 })
})
