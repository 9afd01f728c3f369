import { get } from 'node:http'
import { text } from 'node:stream/consumers'
import type { ApiClient } from '../../stack/demo/client.ts'
import type { Operation, OperationTree } from '../../stack/demo/operation.ts'
import { createOrganisation, type OrganisationClient, type OwnRepository } from '../../stack/demo/organisation.ts'
import { createSample, type PreparedServer, prepareServer, type SampleWish } from '../../stack/demo/sample.ts'
import type { ImageName } from '../lab/images.ts'
import { ensureDocker, type Lab, type LabServer, openLab } from '../lab/index.ts'
import { recordHistories } from './histories.ts'
import { startKeystone, type TestKeystone, type WorkerCounts } from './keystone.ts'
import { deployReport, report } from './report.ts'

/** Every test file has a lab of its own, so that files run beside each other. */
export const subnets = {
  ...{ deploy: 100, failures: 101, neighbours: 102, kills: 103, 'more-kills': 104, losses: 105, twice: 106, rollback: 107 },
  ...{ 'nobody-notices': 108, 'deep-redeploy': 109, 'deep-kinds': 125, fleet: 110, certificates: 111, images: 112 },
  ...{ lifecycle: 113, removal: 114, configuration: 115, laravel: 117, slices: 118, updates: 119 },
  ...{ drift: 116, servers: 130, 'deep-provision': 131, 'bought-servers': 132, 'server-upkeep': 135, reboot: 137, 'deep-never-back': 133, 'deep-systems': 134, tidy: 138, webhooks: 139, readme: 126 },
} as const

/** What a browser would get. */
export interface Answer {
  status: number
  body: string
}

/** A server, ready for applications, and the Keystone that looks after it. */
export interface Scene {
  keystone: TestKeystone
  lab: Lab
  server: LabServer
  organisation: OrganisationClient
  /** What the organisation's client speaks through. */
  client: ApiClient
  prepared: PreparedServer
  /** Waits for the end, whatever it is. */
  ended(operation: Operation): Promise<OperationTree>
  /** Deploys, waits for the end, and puts it into the report of the run. */
  deployed(name: string, sample: Sample, wish?: { branch?: string }): Promise<OperationTree>
  /** An application with an environment that has not been deployed yet; `web` are settings of its web service, `build` of its build. */
  sample(name: string, settings?: Pick<SampleWish, 'web' | 'build' | 'fleet' | 'phpVersion'>): Promise<Sample>
  /** Boots a further server and adopts it; in the private network of the others unless it is in one of its own. */
  join(name: string, place?: { privateNetwork: string }): Promise<Joined>
  close(): Promise<void>
}

/** A further server, ready for replicas. */
export interface Joined {
  server: LabServer
  serverId: string
}

/** A deployed sample application, or one that can be. */
export interface Sample {
  environmentId: string
  repository: string
  domain: string
  /** Asks the gateway from outside, as a browser would. */
  ask(path: string): Promise<Answer>
}

/** How a scene is set up; `name` chooses its lab. */
export interface SceneOptions {
  name: keyof typeof subnets
  /** Pulled by builds beside what a first deploy needs. */
  alsoPulled?: readonly ImageName[]
  /** Docker is on the server already, which saves half a minute. */
  preinstalled?: boolean
  hasWorker?: boolean
  /** Servers pull from a mirror that the test can change; no application can be built from what is there. */
  hasOwnMirror?: boolean
  /** Where machines are bought. */
  hetznerEndpoint?: string
  /** Told when Keystone is up, before there is anything to do for a worker. Returns the client that the scene is to use. */
  onKeystone?: (keystone: TestKeystone) => Promise<ApiClient>
}

/** Opens the file's lab; no server of an earlier run is left in it. */
export async function openSceneLab(name: keyof typeof subnets, { hasOwnMirror = false, alsoPulled = [] }: { hasOwnMirror?: boolean; alsoPulled?: readonly ImageName[] } = {}): Promise<Lab> {
  const log = (line: string) => console.log(line)
  await ensureDocker({ log })
  const mirror = hasOwnMirror ? { ownMirror: ['caddy', 'postgres', 'valkey'] as const } : {}
  const lab = await openLab({ name: `e2e-${name}`, subnet: subnets[name], alsoPulled, ...mirror, log })
  for (const left of await lab.servers()) await left.remove()
  return lab
}

/** Boots a server and a Keystone, and prepares the one by the other. Nobody looks at servers by schedule: who wants it to triggers it. */
export async function openScene(options: SceneOptions): Promise<Scene> {
  const { name, alsoPulled = [], preinstalled = true, hasWorker = true, hasOwnMirror = false, hetznerEndpoint = '', onKeystone = async ({ client }) => client } = options
  const lab = await openSceneLab(name, { hasOwnMirror, alsoPulled })
  const mirror = { dockerHubMirror: lab.mirror.url }
  const [server, keystone] = await Promise.all([lab.server('s1', { preinstalled }), startKeystone({ hasWorker, hetznerEndpoint, ...mirror })])
  const client = await onKeystone(keystone)
  if (hasWorker) await keystone.temporal.client.schedule.getHandle('keystone-server-watch').pause('what the test sees on its servers is not to be a look at them')
  const organisation = await createOrganisation(client, 'acme')
  const succeeded = async (operation: Operation) => {
    const tree = await organisation.finished(operation)
    if (tree.status === 'succeeded') return tree
    const ending = `${tree.summary} ended ${tree.status}: ${JSON.stringify(tree.failure)}`
    throw new Error(`${ending}\n${keystone.worker.output().slice(-2000)}`)
  }
  const prepared = await prepareServer(organisation, server, succeeded)
  return {
    ...{ keystone, lab, server, organisation, client, prepared },
    ended: (operation) => organisation.finished(operation),
    async deployed(deployName, { environmentId }, wish = {}) {
      const before = await keystone.workerCounts()
      const tree = await organisation.finished(await organisation.deploy(environmentId, wish))
      const after = await keystone.workerCounts()
      const counts = { ...difference(before, after), temporalEvents: await eventsOf(keystone, tree) }
      await report((found) => ({ ...found, deploys: [...found.deploys, deployReport(deployName, tree, counts)] }))
      await recordHistories(keystone, deployName.replaceAll(' ', '-'), tree)
      return tree
    },
    async sample(application, settings = {}) {
      const repository = `${application}-${Date.now().toString(36)}`
      const domain = `${application}.test`
      const own = await ownRepository(lab, repository)
      const wish = { name: application, repository: own, domain, ...settings, ended: succeeded }
      const { environmentId } = await createSample(organisation, prepared, wish)
      return { environmentId, repository, domain, ask: (path) => askThrough(server.address, domain, path) }
    },
    async join(joined, place) {
      const further = await lab.server(joined, { preinstalled })
      const { serverId, operation } = await organisation.adoptServer({ ...further, ...place })
      await succeeded(operation)
      return { server: further, serverId }
    },
    async close() {
      await keystone.stop()
      await lab.down()
    },
  }
}

/** Connects the lab's private registry, for images under `team`; returns its id. */
export async function connectLabRegistry({ organisation, lab }: Scene): Promise<string> {
  const { host, username, password } = lab.registry
  const wish = { name: 'lab', type: 'generic', url: `https://${host}`, namespace: 'team', username, password }
  return (await organisation.connectRegistry(wish)).registryId
}

const difference = (before: WorkerCounts, after: WorkerCounts): WorkerCounts => ({
  sshHandshakes: after.sshHandshakes - before.sshHandshakes,
  roundTrips: after.roundTrips - before.roundTrips,
  sqlQueries: after.sqlQueries - before.sqlQueries,
})

/** Events of all workflows of an operation; a part of it that was never started has none. */
async function eventsOf(keystone: TestKeystone, { temporal, startedAt, children }: OperationTree): Promise<number> {
  if (startedAt === null) return 0
  const { historyLength } = await keystone.temporal.client.workflow.getHandle(temporal.workflowId).describe()
  const below = await Promise.all(children.map((child) => eventsOf(keystone, child)))
  return [historyLength, ...below].reduce((sum, length) => sum + length, 0)
}

async function ownRepository(lab: Lab, name: string): Promise<OwnRepository> {
  const { sshUrl, hostKey } = await lab.gitHost.createRepository(name)
  return { sshUrl, hostKey, addDeployKey: (publicKey) => lab.gitHost.addDeployKey(name, publicKey) }
}

/** Asks the gateway at an address as a browser would; `fetch` does not let a program choose the Host. */
export function askThrough(address: string, domain: string, path: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = get({ host: address, path, headers: { host: domain }, timeout: 20_000 }, (response) => {
      text(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject)
    })
    request.on('timeout', () => request.destroy(new Error(`no answer from ${domain}${path} within 20 s`)))
    request.on('error', reject)
  })
}
