import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Secret } from '../../../domain/secret.ts'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'
import { probeHostKey } from '../../../drivers/ssh/host-key.ts'
import { createSshPool } from '../../../drivers/ssh/pool.ts'
import { testServer, type TestServer } from './server.ts'

const run = promisify(execFile)

/** A repository with the sample application's branches, and a key that may read it. */
export interface Repository {
  url: string
  deployKey: Secret
  hostKey: string
  head(branch: string): Promise<string>
}

export interface OpenServer extends TestServer {
  repository(): Promise<Repository>
  close(): Promise<void>
}

/** User keystone as provisioning makes it, with a fresh key; nothing of an earlier run is left. The key is printed. */
const prepare = `set -e
id keystone >/dev/null 2>&1 || useradd --create-home --shell /bin/bash keystone
usermod --append --groups docker keystone
echo 'keystone ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/keystone
docker ps -aq | xargs -r docker rm -fv >/dev/null
docker volume ls -q | xargs -r docker volume rm >/dev/null
docker network ls -q --filter type=custom | xargs -r docker network rm >/dev/null
rm -rf /home/keystone/services /home/keystone/gateway /home/keystone/operations /root/test-key*
ssh-keygen -q -t ed25519 -N '' -f /root/test-key
install -d -m 0700 -o keystone -g keystone /home/keystone/.ssh
install -m 0600 -o keystone -g keystone /root/test-key.pub /home/keystone/.ssh/authorized_keys
cat /root/test-key`

/** A running lab server (systemd, sshd, Docker) that carries the sample application's repository for its user git. */
export async function openTestServer(): Promise<OpenServer> {
  const container = 'drv-s1'
  const exec = async (...argv: string[]) => (await run('docker', ['exec', container, ...argv])).stdout
  const address = (await run('docker', ['inspect', '-f', '{{(index .NetworkSettings.Networks "drv-public").IPAddress}}', container])).stdout.trim()
  const hostKey = await probeHostKey({ address, port: 22 })
  const privateKey = new Secret(await exec('sh', '-c', prepare))
  const pool = createSshPool({ idleCloseSeconds: 60, keepaliveSeconds: 5, connectTimeoutSeconds: 5 })
  const remote = pool.to({ serverId: container, name: container, address, port: 22, user: 'keystone', hostKey, privateKey })
  return {
    ...testServer(remote),
    async repository() {
      const key = generateDeployKey('keystone tests')
      await exec('sh', '-c', 'echo "$1" >>/home/git/.ssh/authorized_keys', '-', key.publicKey)
      const head = async (branch: string) => (await exec('git', '-c', 'safe.directory=*', '-C', '/home/git/visits.git', 'rev-parse', branch)).trim()
      return { url: `ssh://git@${address}/home/git/visits.git`, deployKey: key.privateKey, hostKey, head }
    },
    close: async () => pool.close(),
  }
}
