import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { probeHostKey } from '../../../drivers/ssh/host-key.ts'
import { createSshPool } from '../../../drivers/ssh/pool.ts'
import type { ServerTarget } from '../../../drivers/ssh/remote.ts'

const run = promisify(execFile)

const docker = async (...argv: string[]) => (await run('docker', argv, { maxBuffer: 64 * 1024 * 1024 })).stdout

/** Users keystone (with sudo) and root, both with a fresh key of their own, which is printed. */
const prepareUsers = `set -e
id keystone >/dev/null 2>&1 || useradd --create-home --shell /bin/bash keystone
echo 'keystone ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/keystone
rm -f /root/test-key*
ssh-keygen -q -t ed25519 -N '' -f /root/test-key
for home in /root /home/keystone; do
  install -d -m 0700 $home/.ssh
  cat /root/test-key.pub >>$home/.ssh/authorized_keys
done
chown -R keystone: /home/keystone/.ssh
cat /root/test-key`

/** A running lab server (systemd and sshd in a container) with a keystone user; each test file has one of its own. */
export async function openServer(name: 's1' | 's2' | 's3') {
  const container = `ssh-${name}`
  const exec = (...argv: string[]) => docker('exec', container, ...argv)
  const ofPublicNetwork = '{{(index .NetworkSettings.Networks "ssh-public").IPAddress}}'
  const address = (await docker('inspect', '-f', ofPublicNetwork, container)).trim()
  const target: ServerTarget = {
    serverId: name,
    name,
    address,
    port: 22,
    user: 'keystone',
    hostKey: await probeHostKey({ address, port: 22 }),
    privateKey: new Secret(await exec('sh', '-c', prepareUsers)),
  }
  const isUp = () => exec('systemctl', 'is-active', 'ssh').then(() => true, () => false)
  const bootedAt = () => docker('inspect', '-f', '{{.State.StartedAt}}', container)
  return {
    target,
    rootTarget: { ...target, user: 'root' },
    /** The test's own look at the server, never the product's. */
    exec,
    pause: () => docker('pause', container),
    unpause: () => docker('unpause', container),
    async reboot() {
      const before = await bootedAt()
      await exec('systemctl', 'reboot').catch(() => {})
      await vi.waitUntil(async () => (await bootedAt()) !== before && (await isUp()), { timeout: 60_000 })
    },
  }
}

export type TestServer = Awaited<ReturnType<typeof openServer>>

/** Short intervals, so that a hang is found while a test waits. */
export function testPool() {
  return createSshPool({ idleCloseSeconds: 60, keepaliveSeconds: 1, connectTimeoutSeconds: 5 })
}
