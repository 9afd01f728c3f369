import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { idOf } from '../../db/ids.ts'
import { type ServerAccess, serverAccess } from '../../db/server-access.ts'
import type { ServerId } from '../../domain/ids.ts'
import { readKeyring } from '../../drivers/secrets/key-file.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import { createOrganisation, type OrganisationClient } from '../../stack/demo/organisation.ts'
import { operationSchema, type OperationTree, stepsOf } from '../../stack/demo/operation.ts'
import { watch } from '../chaos/fault.ts'
import type { Lab, LabServer } from '../lab/index.ts'
import { histories, recordHistories } from './histories.ts'
import { startKeystone, type TestKeystone } from './keystone.ts'
import { openSceneLab } from './scene.ts'

let lab: Lab
let keystone: TestKeystone
let organisation: OrganisationClient
let server: LabServer
let serverId: string
let path: string

const serverSchema = z.object({ status: z.string(), needsConvergence: z.boolean(), managementKeyPublic: z.string(), facts: z.record(z.string(), z.string()) })
const serverNow = () => keystone.client.get(path, serverSchema)
const sh = (script: string) => server.exec(['bash', '-euo', 'pipefail', '-c', script], { timeoutSeconds: 120 })

beforeAll(async () => {
  lab = await openSceneLab('server-upkeep')
  ;[server, keystone] = await Promise.all([lab.server('s1', { preinstalled: true }), startKeystone({ dockerHubMirror: lab.mirror.url })])
  organisation = await createOrganisation(keystone.client, 'acme')
  const { operation, ...adopted } = await organisation.adoptServer(server)
  serverId = adopted.serverId
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

  it('is as closed as before where nobody comes in, and closed once more by a worker that was away', async () => {
    const rules = () => sh(`sha256sum ${dropIn}; ufw status`)
    const todays = await rules()
    await sh(`echo '# Somebody was here.' >>${dropIn}`)
    const before = await rules()
    const running = watch({ organisation }, await keystone.client.post(`${path}/harden`, undefined, operationSchema))
    await running.reaches((tree) => stepsOf(tree).some(({ name, status }) => name === 'close access' && status === 'succeeded'))
    await keystone.worker.end('SIGKILL')
    expect(await rules()).toBe(todays)
    await sh('systemctl start --wait keystone-reopen.service')
    expect(await rules()).toBe(before)
    await keystone.worker.start()
    const tree = await running.ended
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'hardened' })
    expect(stepsOf(tree).filter(({ name }) => name === 'close access')).toHaveLength(2)
    expect(await rules()).toBe(todays)
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

describe('a server that gets another key', () => {
  const rotate = () => keystone.client.post(`${path}/rotate-key`, undefined, operationSchema)

  /** As Keystone comes in at this moment. */
  const access = async (): Promise<ServerAccess> =>
    serverAccess(keystone.database.db, await readKeyring(keystone.keyFile), idOf<ServerId>(serverId), 'management')

  async function isLetIn(target: ServerAccess): Promise<boolean> {
    const pool = createSshPool({ idleCloseSeconds: 1, keepaliveSeconds: 5, connectTimeoutSeconds: 20 })
    return pool.isLetIn(target).finally(() => pool.close())
  }

  /** The key of the server, which is the only one that is let in there; nothing of a rotation is under way. */
  async function onlyKey(): Promise<string> {
    const { managementKeyPublic, status, needsConvergence } = await serverNow()
    expect({ status, needsConvergence, keys: await sh('cat /home/keystone/.ssh/authorized_keys') }).toEqual({ status: 'active', needsConvergence: false, keys: managementKeyPublic })
    expect(await keystone.database.sql`select stage from server_key_rotations`).toEqual([])
    expect(await isLetIn(await access())).toBe(true)
    return managementKeyPublic
  }

  /** Processes that serve connections which were made with this key. */
  const sessionsOf = async (publicKey: string) =>
    sh(`journalctl --quiet --output json -t sshd -t sshd-session |
      jq -r 'select(.MESSAGE | strings | contains("${keyFingerprint(publicKey)}")) | ._PID' |
      while read -r pid; do if [ -d "/proc/$pid" ]; then echo "$pid"; fi; done`)

  it('is let in to by that alone, over new connections', async () => {
    const [before, formerly] = [await onlyKey(), await access()]
    expect(await sessionsOf(before)).not.toBe('')
    const tree = await organisation.finished(await rotate())
    expect(tree).toMatchObject({ kind: 'server_key_rotation', status: 'succeeded', outcome: 'rotated', failure: null, warnings: [] })
    expect(stepsOf(tree).map(({ name }) => name)).toEqual(['let key in', 'shut key out'])
    expect(await onlyKey()).not.toBe(before)
    expect(await isLetIn(formerly)).toBe(false)
    expect(await sessionsOf(before)).toBe('')
    expect(await hardened()).toMatchObject({ status: 'succeeded' })
    await recordHistories(keystone, 'server-key-rotated', tree)
  })

  it.each(['let key in', 'shut key out'])('has one key when it is over, though the worker is killed after "%s"', async (step) => {
    const before = await onlyKey()
    const operation = await rotate()
    const running = watch({ organisation }, operation)
    await running.reaches((tree) => stepsOf(tree).some(({ name, status }) => name === step && status === 'succeeded'))
    await keystone.worker.end('SIGKILL')
    await keystone.worker.start()
    expect(await running.ended).toMatchObject({ status: 'succeeded', outcome: 'rotated', failure: null })
    expect(await onlyKey()).not.toBe(before)
  })

  it.each(['let key in', 'shut key out'])('has one key though its workflow is lost at "%s", and another after the next rotation', async (step) => {
    const before = await onlyKey()
    const operation = await rotate()
    const running = watch({ organisation }, operation)
    await running.reaches((tree) => stepsOf(tree).some(({ name }) => name === step))
    await keystone.temporal.client.workflow.getHandle(operation.temporal.workflowId).terminate('the test wants it')
    const tree = await running.ended
    const isRotated = tree.status === 'succeeded'
    if (!isRotated) expect(tree).toMatchObject({ status: 'failed', failure: { code: 'workflow_lost' } })
    const after = await onlyKey()
    expect(after === before).toBe(!isRotated)
    expect(await organisation.finished(await rotate())).toMatchObject({ status: 'succeeded', outcome: 'rotated' })
    expect(await onlyKey()).not.toBe(after)
  })

  it('has the key of before when that is cancelled in time', async () => {
    const before = await onlyKey()
    await server.pause()
    const operation = await rotate()
    const running = watch({ organisation }, operation)
    await running.reaches((tree) => stepsOf(tree).some(({ name }) => name === 'let key in'))
    await organisation.cancel(operation.id)
    await server.unpause()
    const tree = await running.ended
    expect(tree).toMatchObject({ status: 'cancelled' })
    await recordHistories(keystone, 'server-key-cancelled', tree)
    expect(await onlyKey()).toBe(before)
  })

  it('has no private key in a log or a history', async () => {
    const told = [keystone.api.output(), keystone.worker.output(), ...Object.values(await histories(keystone))]
    expect(told.filter((text) => text.includes('PRIVATE KEY'))).toEqual([])
  })
})
