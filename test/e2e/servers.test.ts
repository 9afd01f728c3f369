import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { operationSchema, stepsOf, type Operation, type OperationTree } from '../../stack/demo/operation.ts'
import { createOrganisation, type OrganisationClient } from '../../stack/demo/organisation.ts'
import type { Lab, LabServer } from '../lab/index.ts'
import { until } from '../lab/until.ts'
import { recordHistories } from './histories.ts'
import { startKeystone, type TestKeystone } from './keystone.ts'
import { openSceneLab } from './scene.ts'

let lab: Lab
let keystone: TestKeystone
let organisation: OrganisationClient
let bare: LabServer
let other: LabServer
const serverId = { bare: '', other: '' }

const password = 'correct horse battery staple'
const path = (id: string, rest = '') => `/organisations/${organisation.id}/servers/${id}${rest}`
const serverSchema = z.object({ id: z.string(), status: z.string(), hostKey: z.string(), facts: z.record(z.string(), z.string()), needsConvergence: z.boolean() })
const serverNow = (id: string) => keystone.client.get(path(id), serverSchema)
const provision = (id: string, wish = {}) => keystone.client.post(path(id, '/provision'), wish, operationSchema)
const ended = (operation: Operation): Promise<OperationTree> => organisation.finished(operation)

async function adopt({ name, address, privateAddress, hostKey }: LabServer, firstLogin: object) {
  const wish = { name, address, privateAddress, hostKey, firstLogin }
  return keystone.client.post(`/organisations/${organisation.id}/servers`, wish, z.object({ server: z.object({ id: z.string() }), operation: operationSchema }))
}

/** As some sellers deliver it: root logs in by a password. */
const letInByPassword = `printf 'PermitRootLogin yes\\nPasswordAuthentication yes\\n' >/etc/ssh/sshd_config.d/05-seller.conf
echo 'root:${password}' | chpasswd && systemctl restart ssh`

const sh = (server: LabServer, script: string) => server.exec(['bash', '-euo', 'pipefail', '-c', script], { timeoutSeconds: 300 })

beforeAll(async () => {
  lab = await openSceneLab('servers')
  const servers = [lab.server('bare'), lab.server('other', { preinstalled: true })] as const
  ;[bare, other, keystone] = await Promise.all([...servers, startKeystone({ dockerHubMirror: lab.mirror.url })])
  organisation = await createOrganisation(keystone.client, 'acme')
}, 900_000)

afterAll(async () => {
  await keystone?.stop()
  await lab?.down()
})

describe('a bare server', () => {
  it('becomes active in one operation, by a password, while something else uses apt at first', async () => {
    await sh(bare, letInByPassword)
    const lock = "import fcntl, time; lock = open('/var/lib/dpkg/lock-frontend', 'w'); fcntl.lockf(lock, fcntl.LOCK_EX); time.sleep(600)"
    await sh(bare, `systemd-run --quiet --unit other-installation python3 -c "${lock}"`)
    const { server, operation } = await adopt(bare, { password })
    serverId.bare = server.id
    const said = () => keystone.client.text(`/organisations/${organisation.id}/operations/${operation.id}/logs.txt`)
    await until('Keystone to wait for apt', async () => (await said()).includes('Waiting for apt, which is used by python3'))
    await sh(bare, 'systemctl stop other-installation')
    const tree = await ended(operation)
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'active', failure: null, warnings: [] })
    console.log(durations('bare server', tree))
    await recordHistories(keystone, 'bare-server', tree)
    expect(await serverNow(server.id)).toMatchObject({
      ...{ status: 'active', needsConvergence: false },
      facts: { os: expect.stringContaining('Debian'), docker: expect.any(String), openssh: expect.any(String), addresses: expect.stringContaining(bare.address) },
    })
  })

  it('has forgotten its password, and lets nobody in by one', async () => {
    const [row] = await keystone.database.sql`select adoption_key_private, adoption_password from servers where id = ${serverId.bare}`
    expect(row).toEqual({ adoption_key_private: null, adoption_password: null })
  })

  it('is changed by nothing when it is provisioned again', async () => {
    const state = () => sh(bare, 'stat --format "%n %Y" /etc/ssh/sshd_config.d/* /etc/docker/* /etc/fail2ban/jail.d/* /etc/ufw/* /etc/keystone/*.sh; systemctl show --property MainPID ssh docker fail2ban')
    const before = await state()
    const tree = await ended(await provision(serverId.bare))
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'active', failure: null })
    console.log(durations('server that is ready', tree))
    expect(await state()).toBe(before)
  })
})

const durations = (what: string, tree: OperationTree): string => {
  const seconds = (from: string | null, to: string | null) => ((Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000).toFixed(1)
  const steps = stepsOf(tree).map((step) => `${step.name} ${seconds(step.startedAt, step.finishedAt)}`)
  return `${what}: ${seconds(tree.startedAt, tree.finishedAt)} s; ${steps.join(', ')}`
}

describe('an operation fails with the cause, and goes on after it is mended, where', () => {
  it('the password is wrong', async () => {
    await sh(other, letInByPassword)
    const { server, operation } = await adopt(other, { password: 'wrong' })
    serverId.other = server.id
    expect(await ended(operation)).toMatchObject({ status: 'failed', steps: [], failure: { code: 'ssh_password_refused', hint: expect.any(String) } })
    expect(await serverNow(server.id)).toMatchObject({ status: 'failed', needsConvergence: false })
  })

  it('the disk is full', async () => {
    await sh(other, 'mount -t tmpfs -o size=1M tmpfs /var/cache/apt/archives')
    const failed = await ended(await provision(serverId.other, { firstLogin: { password } }))
    expect(failed).toMatchObject({ status: 'failed', failure: { code: 'disk_full', step: 'await system', message: expect.stringContaining('/var/cache/apt/archives') } })
    await sh(other, 'umount /var/cache/apt/archives')
  })

  it('the network is interrupted: that is waited for', async () => {
    const operation = await provision(serverId.other)
    const attempts = async () => {
      const { raw } = await keystone.temporal.client.workflow.getHandle(operation.temporal.workflowId).describe()
      return Math.max(0, ...(raw.pendingActivities ?? []).map(({ attempt }) => attempt ?? 0))
    }
    let cut: Promise<void> | undefined
    const interrupt = async () => {
      await sh(other, 'iptables --wait --insert INPUT --in-interface eth0 --jump DROP')
      await until('a second attempt', async () => (await attempts()) > 1)
      await sh(other, 'iptables --wait --delete INPUT --in-interface eth0 --jump DROP')
    }
    const tree = await organisation.finished(operation, ({ steps }) => {
      if (steps.some(({ name }) => name === 'install packages')) cut ??= interrupt()
    })
    await cut
    expect(cut).toBeDefined()
    expect(tree).toMatchObject({ status: 'succeeded', outcome: 'active', failure: null })
    console.log(durations('interrupted network', tree))
  })

  it('the host key has changed', async () => {
    const { hostKey: before } = await serverNow(serverId.other)
    await sh(other, 'rm /etc/ssh/ssh_host_*; ssh-keygen -q -A; systemctl restart ssh')
    const shown = async (key: string) => (await sh(other, `ssh-keygen -lf - <<<'${key}' | cut -d' ' -f2`)).trim()
    const [pinned, seen] = [await shown(before), (await sh(other, "ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub | cut -d' ' -f2")).trim()]
    // The one before goes on over the connection that it has.
    await keystone.worker.end('SIGTERM')
    await keystone.worker.start()
    const { failure } = await ended(await provision(serverId.other))
    expect(failure).toMatchObject({ code: 'host_key_changed' })
    for (const fingerprint of [pinned, seen]) expect(failure?.message).toContain(fingerprint)

    const accept = (fingerprint: string) => keystone.client.post(path(serverId.other, '/accept-host-key'), { fingerprint }, serverSchema)
    await expect(accept(pinned)).rejects.toMatchObject({ status: 409, code: 'host_key_mismatch' })
    expect((await accept(seen)).hostKey).not.toBe(before)
    expect(await ended(await provision(serverId.other))).toMatchObject({ status: 'succeeded', outcome: 'active', failure: null })
  })
})

describe('from another server', () => {
  /** Open ports of `bare`, among all or some. */
  const answering = async (ports: string) => {
    const scan = await sh(other, `nmap -Pn -n -p ${ports} --min-rate 3000 --max-retries 2 --open -oG - ${bare.address}`)
    return [...scan.matchAll(/(\d+)\/open\/tcp/g)].map(([, port]) => Number(port)).toSorted((one, two) => one - two)
  }
  const published = [80, 443, 8080]
  const some = '22,80,443,2375,8080'

  beforeAll(async () => {
    const ports = published.map((port) => `--publish ${port}:80`).join(' ')
    await Promise.all([
      sh(other, 'apt-get update -q && apt-get install -yq --no-install-recommends nmap ssh-audit'),
      sh(bare, `docker run --detach --name published --restart unless-stopped ${ports} caddy:2`),
    ])
  }, 300_000)

  it('only SSH and the gateway can be reached, whatever containers publish', async () => {
    expect(await answering('1-65535')).toEqual([22, 80, 443])
    expect((await sh(bare, 'curl --silent --output /dev/null --write-out "%{http_code}" http://127.0.0.1:8080')).trim()).not.toBe('000')
  }, 300_000)

  it('what its user allows can be reached too', async () => {
    await sh(bare, 'ufw route allow proto tcp to any port 80 && ufw reload')
    expect(await answering(some)).toEqual([22, 80, 443, 8080])
    await sh(bare, 'ufw route delete allow proto tcp to any port 80')
  }, 300_000)

  it('that holds after a reboot, and containers are back', async () => {
    await bare.reboot()
    await until('the container', async () => (await bare.exec(['docker', 'ps', '--format', '{{.Names}}'])).includes('published'))
    expect(await answering(some)).toEqual([22, 80, 443])
  }, 300_000)

  it('ssh-audit finds no failure', async () => {
    const said = await sh(other, `ssh-audit --no-colors ${bare.address} || true`)
    const marked = (mark: string) => said.split('\n').filter((line) => line.includes(`[${mark}]`))
    console.log(`ssh-audit: ${marked('fail').length} failures, ${marked('warn').length} warnings\n${marked('warn').join('\n')}`)
    expect(said).toContain('(kex) curve25519-sha256')
    expect(marked('fail')).toEqual([])
  })

})

it('lynis tells its index', async () => {
  await sh(bare, 'apt-get install -yq --no-install-recommends lynis')
  const said = await sh(bare, 'lynis audit system --quick --no-colors --quiet >/dev/null 2>&1 || true; grep -E "^(hardening_index|warning\\[\\])" /var/log/lynis-report.dat')
  console.log(said)
  expect(Number(/hardening_index=(\d+)/.exec(said)?.[1])).toBeGreaterThan(0)
}, 300_000)
