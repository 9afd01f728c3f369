import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { findingSchema } from '../../api/schemas/drift.ts'
import { operationSchema, stepsOf } from '../../stack/demo/operation.ts'
import { createOrganisation, type OrganisationClient } from '../../stack/demo/organisation.ts'
import { startKeystone, type TestKeystone } from '../e2e/keystone.ts'
import { openSceneLab } from '../e2e/scene.ts'
import type { ServerSystem } from '../lab/images.ts'
import type { Lab, LabServer } from '../lab/index.ts'
import { until } from '../lab/until.ts'
import { provisioningSteps } from './provisioning-steps.ts'

let lab: Lab
let keystone: TestKeystone
let organisation: OrganisationClient

beforeAll(async () => {
  lab = await openSceneLab('deep-systems')
  keystone = await startKeystone({ dockerHubMirror: lab.mirror.url })
  organisation = await createOrganisation(keystone.client, 'acme')
}, 900_000)

afterAll(async () => {
  await keystone?.stop()
  await lab?.down()
})

const serverSchema = z.object({ status: z.string(), facts: z.record(z.string(), z.string()) })

describe.each<[ServerSystem, string]>([
  ['Debian 12', 'Debian GNU/Linux 12 (bookworm)'],
  ['Debian 13', 'Debian GNU/Linux 13 (trixie)'],
  ['Ubuntu 24.04', 'Ubuntu 24.04'],
])('a bare server with %s', (system, os) => {
  let server: LabServer
  let serverId: string
  const path = (rest = '') => `/organisations/${organisation.id}/servers/${serverId}${rest}`
  const request = async (wish: string) => organisation.finished(await keystone.client.post(path(`/${wish}`), undefined, operationSchema))
  const state = () =>
    server.exec(['bash', '-c', 'stat --format "%n %Y" /etc/ssh/sshd_config.d/* /etc/docker/* /etc/fail2ban/jail.d/* /etc/ufw/* /etc/keystone/*.sh; systemctl show --property MainPID ssh docker fail2ban'])

  beforeAll(async () => {
    server = await lab.server(system.toLowerCase().replaceAll(/[ .]/g, '-'), { system })
  }, 1_800_000)

  it('becomes active, by every step', async () => {
    const adopted = await organisation.adoptServer(server)
    serverId = adopted.serverId
    const tree = await organisation.finished(adopted.operation)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'active', failure: null, warnings: [] })
    expect(stepsOf(tree).map(({ name }) => name).toSorted()).toEqual(provisioningSteps.toSorted())
    const { status, facts } = await keystone.client.get(path(), serverSchema)
    expect(status).toBe('active')
    expect(facts.os).toContain(os)
    console.log(`${system}: ${JSON.stringify(facts)}`)
  })

  it('is changed by nothing when it is provisioned again, or hardened', async () => {
    const before = await state()
    expect(await request('provision')).toMatchObject({ status: 'succeeded', outcome: 'active', warnings: [] })
    expect(await request('harden')).toMatchObject({ status: 'succeeded', outcome: 'hardened', warnings: [] })
    expect(await state()).toBe(before)
  })

  it('is seen to be as it was made ready, also after a reboot', async () => {
    const looked = async () => (await keystone.client.get(path('/metrics'), z.object({ items: z.array(z.object({ isReachable: z.boolean() })) }))).items
    const look = async () => {
      const { length } = await looked()
      await keystone.temporal.client.schedule.getHandle('keystone-server-watch').trigger()
      await until('the server to be looked at', async () => (await looked()).length > length)
      return (await looked())[0]
    }
    const findings = async () => (await keystone.client.get(`/organisations/${organisation.id}/drift?serverId=${serverId}`, z.object({ items: z.array(findingSchema) }))).items
    expect(await look()).toMatchObject({ isReachable: true })
    expect(await findings()).toEqual([])
    expect(await request('reboot')).toMatchObject({ status: 'succeeded', outcome: 'rebooted' })
    expect(await look()).toMatchObject({ isReachable: true })
    expect(await findings()).toEqual([])
  })

  it('runs a container, whose ports are behind the firewall', async () => {
    await server.exec(['docker', 'run', '--detach', '--name', 'published', '--publish', '8080:80', 'caddy:2'], { timeoutSeconds: 300 })
    const answers = () => server.exec(['curl', '--silent', '--output', '/dev/null', 'http://127.0.0.1:8080']).then(() => true, () => false)
    await until('the container to answer', answers)
    await expect(fetch(`http://${server.address}:8080`, { signal: AbortSignal.timeout(3000) })).rejects.toThrow(/./)
  })
})
