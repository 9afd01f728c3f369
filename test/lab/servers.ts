import { Readable } from 'node:stream'
import { pack } from 'tar-stream'
import { authorityCertificate } from './authority.ts'
import { docker, dockerHas, inspect } from './docker.ts'
import { imageTag, type ImageName } from './images.ts'
import { locked } from './lock.ts'
import type { LabPlan } from './network.ts'
import { rootKey } from './root-key.ts'
import { createServerArgv } from './server-container.ts'
import { bootedServer, type LabServer } from './server.ts'

/** What a buyer has ordered a server with: who is let in as root, and by what the server proves itself. */
export interface Ordered {
  authorizedKeys: readonly string[]
  /** ECDSA, as OpenSSH writes them. */
  hostKey: { publicKey: string; privateKey: string }
}

/** Opens the server of this name: made where there is none, started where it stands still. */
export async function openServer(plan: LabPlan, name: string, { image, ordered = null }: { image: ImageName; ordered?: Ordered | null }): Promise<LabServer> {
  const container = `${plan.name}-${name}`
  await locked(`lab-${plan.name}-servers`, async () => {
    if (!(await dockerHas('container', container))) await createServer(plan, name, { image, ordered })
  })
  await docker(['start', container])
  const number = Number(await inspect(container, '{{index .Config.Labels "keystone.lab.number"}}'))
  const server = await bootedServer(plan, name, number)
  await server.exec(['sh', '-c', trustAuthority])
  return server
}

/** Opens the servers that a lab has by now, in the order of their addresses. */
export async function openServers(plan: LabPlan): Promise<LabServer[]> {
  return Promise.all((await existingServers(plan)).map(({ name }) => openServer(plan, name, { image: 'server' })))
}

async function existingServers(plan: LabPlan): Promise<{ name: string; number: number }[]> {
  const filters = [plan.label, 'keystone.lab.kind=server'].flatMap((label) => ['--filter', `label=${label}`])
  const format = '{{.Label "keystone.lab.server"}} {{.Label "keystone.lab.number"}}'
  const lines = (await docker(['ps', '--all', ...filters, '--format', format])).split('\n').filter((line) => line !== '')
  const servers = lines.map((line) => line.split(' ')).map(([name = '', number]) => ({ name, number: Number(number) }))
  return servers.toSorted((a, b) => a.number - b.number)
}

async function createServer(plan: LabPlan, name: string, { image, ordered }: { image: ImageName; ordered: Ordered | null }): Promise<void> {
  const taken = new Set((await existingServers(plan)).map(({ number }) => number))
  let number = 1
  while (taken.has(number)) number += 1
  const container = await docker(await createServerArgv({ plan, name, number, image: imageTag(image) }))
  await docker(['network', 'connect', '--ip', plan.addressesOf(number).privateAddress, plan.privateNetwork, container])
  await docker(['cp', '-', `${container}:/`], { input: await sellersFiles(plan, ordered) })
}

/** What the seller puts in: the customer's key, and for the lab its authority and its stand-in for Docker Hub. */
async function sellersFiles(plan: LabPlan, ordered: Ordered | null) {
  const authority = await authorityCertificate()
  const files = pack()
  files.entry({ name: 'root/.ssh', type: 'directory', mode: 0o700 })
  const keys = ordered ? ordered.authorizedKeys.map((key) => `${key}\n`).join('') : (await rootKey()).publicKey
  files.entry({ name: 'root/.ssh/authorized_keys', mode: 0o600 }, keys)
  if (ordered) {
    files.entry({ name: 'etc/ssh/ssh_host_ecdsa_key', mode: 0o600 }, ordered.hostKey.privateKey)
    files.entry({ name: 'etc/ssh/ssh_host_ecdsa_key.pub' }, `${ordered.hostKey.publicKey}\n`)
  }
  files.entry({ name: 'usr/local/share/ca-certificates/keystone-lab.crt' }, authority)
  files.entry({ name: 'etc/ssl/certs/keystone-lab.pem' }, authority)
  files.entry({ name: 'etc/systemd/system/docker.service.d', type: 'directory' })
  files.entry({ name: 'etc/systemd/system/docker.service.d/keystone-lab.conf' }, mirrorDropIn(plan))
  files.finalize()
  return Readable.from(files)
}

/** Go's programs, as Docker, read the authority as it lies there; this is for all the others, and leaves a link in its place. */
const trustAuthority = '[ -L /etc/ssl/certs/keystone-lab.pem ] || update-ca-certificates 2>&1'

/**
 * Said to be insecure for BuildKit, which asks a mirror with TLS otherwise. Not in daemon.json, which is the product's to write: dockerd
 * refuses to start when a mirror is both a flag and in the file.
 */
const mirrorDropIn = ({ mirrorAddress }: LabPlan) => {
  const mirror = `http://${mirrorAddress}:5000`
  return `[Service]\nEnvironment="DOCKER_OPTS=--registry-mirror=${mirror} --insecure-registry=${mirror}"\n`
}
