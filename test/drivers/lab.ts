import { Secret } from '../../domain/secret.ts'
import { findDocker, installDocker } from '../../drivers/servers/docker.ts'
import { createUser, installPackages } from '../../drivers/servers/preparation.ts'
import type { ServiceStep } from '../../drivers/services/contract-step.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import { createSshPool } from '../../drivers/ssh/pool.ts'
import type { Remote, ServerTarget } from '../../drivers/ssh/remote.ts'
import { ensureDocker, openLab, type Lab, type LabOptions, type LabServer } from '../lab/index.ts'

/** Every test file has a lab of its own, so that files run beside each other. */
const subnets = {
  application: 140,
  data: 141,
  environment: 142,
  gateway: 143,
  sources: 144,
  commands: 145,
  steps: 146,
  uploads: 147,
  reboots: 148,
  assets: 149,
}
export type TestFile = keyof typeof subnets

/** `alsoPulled`: on the mirror beside what a first deploy pulls. */
export type TestLabOptions = Pick<LabOptions, 'alsoPulled'>

/** Opens the file's lab; no server of an earlier run is left in it. */
export async function openTestLab(file: TestFile, options: TestLabOptions = {}): Promise<Lab> {
  const log = (line: string) => console.log(line)
  await ensureDocker({ log })
  const lab = await openLab({ name: `drivers-${file}`, subnet: subnets[file], ...options, log })
  for (const left of await lab.servers()) await left.remove()
  return lab
}

export interface TestServer extends LabServer {
  /** As user keystone. */
  target: ServerTarget & { privateKey: Secret }
  rootTarget: ServerTarget
}

/** A server with Docker, made ready by Keystone's own preparation. */
export async function openServer(lab: Lab): Promise<TestServer> {
  const server = await lab.server('s1', { preinstalled: true })
  const { name, address, hostKey, rootKey } = server
  const managementKey = generateDeployKey('keystone')
  const target = { serverId: name, name, address, port: 22, hostKey, user: 'keystone', privateKey: managementKey.privateKey }
  const rootTarget = { ...target, user: 'root', privateKey: new Secret(rootKey) }
  const pool = testPool()
  await prepare(pool.to(rootTarget), managementKey.publicKey)
  await pool.close()
  return { ...server, target, rootTarget }
}

async function prepare(remote: Remote, managementKey: string): Promise<void> {
  for (const step of [createUser(managementKey), installPackages()]) await run(remote, step)
  await run(remote, installDocker(await run(remote, findDocker())))
}

let lastOrder = 0

async function run<Facts>(remote: Remote, step: ServiceStep<Facts>): Promise<Facts> {
  const said: Buffer[] = []
  lastOrder += 1
  const { exitCode, result } = await remote.step({ ...step, hash: '000000000000', order: lastOrder, user: 'root' }, {
    stored: null,
    signal: new AbortController().signal,
    onChunk: async ({ bytes }) => void said.push(bytes),
  })
  if (exitCode !== 0) throw new Error(`"${step.name}" has failed:\n${Buffer.concat(said).toString()}`)
  return step.parse(result)
}

/** A server on a busy machine may keep silent for seconds; a test of hangs asks more often than that. */
export function testPool({ keepaliveSeconds = 5 } = {}) {
  return createSshPool({ idleCloseSeconds: 60, keepaliveSeconds, connectTimeoutSeconds: 20 })
}
