import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createOrganisation, type OrganisationClient } from '../../stack/demo/organisation.ts'
import { operationSchema, type OperationTree } from '../../stack/demo/operation.ts'
import type { Lab, LabServer } from '../lab/index.ts'
import { recordHistories } from './histories.ts'
import { startKeystone, type TestKeystone } from './keystone.ts'
import { openSceneLab } from './scene.ts'

let lab: Lab
let keystone: TestKeystone
let organisation: OrganisationClient
let server: LabServer
let path: string

const serverSchema = z.object({ status: z.string(), needsConvergence: z.boolean(), facts: z.record(z.string(), z.string()) })
const serverNow = () => keystone.client.get(path, serverSchema)
const sh = (script: string) => server.exec(['bash', '-euo', 'pipefail', '-c', script], { timeoutSeconds: 120 })

beforeAll(async () => {
  lab = await openSceneLab('server-upkeep')
  ;[server, keystone] = await Promise.all([lab.server('s1', { preinstalled: true }), startKeystone({ dockerHubMirror: lab.mirror.url })])
  organisation = await createOrganisation(keystone.client, 'acme')
  const { serverId, operation } = await organisation.adoptServer(server)
  path = `/organisations/${organisation.id}/servers/${serverId}`
  expect(await organisation.finished(operation)).toMatchObject({ status: 'succeeded' })
  await sh('docker run --detach --name kept caddy:2')
}, 900_000)

afterAll(async () => {
  await keystone?.stop()
  await lab?.down()
})

/** Hardens the server, which has to be active all the time. */
async function hardened(): Promise<OperationTree> {
  const looks: Promise<{ status: string }>[] = []
  const operation = await keystone.client.post(`${path}/harden`, undefined, operationSchema)
  const tree = await organisation.finished(operation, () => void looks.push(serverNow()))
  const statuses = (await Promise.all(looks)).map(({ status }) => status)
  expect([...new Set([...statuses, (await serverNow()).status])]).toEqual(['active'])
  return tree
}

/** By it a container is known that was never restarted. */
const container = () => sh("docker inspect --format '{{.Id}} {{.State.Pid}} {{.State.StartedAt}} {{.RestartCount}}' kept")

const dropIn = '/etc/ssh/sshd_config.d/00-keystone.conf'
const files = `/etc/ssh/sshd_config.d/* /etc/docker/daemon.json /etc/fail2ban/jail.d/* /etc/apt/apt.conf.d/20auto-upgrades /etc/ufw/*.rules /etc/keystone/*`

describe('a server that is hardened', () => {
  it('is changed by nothing where it has the rules of today', async () => {
    const state = async () => `${await sh(`stat --format '%n %Y %a' ${files}; systemctl show --property MainPID ssh docker fail2ban unattended-upgrades`)}${await container()}`
    const before = await state()
    const tree = await hardened()
    expect(tree).toMatchObject({ kind: 'server_harden', status: 'succeeded', outcome: 'hardened', failure: null, warnings: [] })
    expect(await state()).toBe(before)
    await recordHistories(keystone, 'server-hardened', tree)
  })

  it('has its rules again where they were undone, while its containers run on', async () => {
    const rules = () => sh(`sha256sum ${files}; ufw status verbose; iptables --list-rules KEYSTONE-PORTS; sshd -T | sort; fail2ban-client status sshd | head -n 1; systemctl is-active docker`)
    const [before, running] = [await rules(), await container()]
    await sh(`
      printf 'PermitRootLogin yes\\nPasswordAuthentication yes\\n' >${dropIn}
      systemctl reload ssh
      jq 'del(."log-opts")' /etc/docker/daemon.json >/tmp/daemon.json
      cat /tmp/daemon.json >/etc/docker/daemon.json
      rm /etc/fail2ban/jail.d/keystone.conf /etc/apt/apt.conf.d/20auto-upgrades
      systemctl restart fail2ban
      printf '*filter\\n:KEYSTONE-PORTS - [0:0]\\nCOMMIT\\n' >/etc/keystone/firewall.rules
      systemctl restart keystone-firewall
      ufw --force disable`)
    expect(await hardened()).toMatchObject({ status: 'succeeded', outcome: 'hardened', failure: null })
    expect(await rules()).toBe(before)
    expect(await container()).toBe(running)
    expect((await serverNow()).facts).toMatchObject({ docker: expect.any(String), openssh: expect.any(String) })
  })

  it('and whose sshd refuses its settings fails with the cause, stays as closed as it was, and in service', async () => {
    await sh(`echo 'Nonsense yes' >>/etc/ssh/sshd_config; echo '# Somebody was here.' >>${dropIn}`)
    const before = await sh(`sha256sum ${dropIn}`)
    const { status, failure } = await hardened()
    expect({ status, failure }).toMatchObject({ status: 'failed', failure: { code: 'ssh_not_closed', hint: expect.any(String) } })
    expect(await sh(`sha256sum ${dropIn}; systemctl list-units --plain --no-legend 'keystone-reopen*'`)).toBe(before)
    await sh("sed --in-place '/^Nonsense/d' /etc/ssh/sshd_config")
    expect(await hardened()).toMatchObject({ status: 'succeeded', failure: null })
  })
})
