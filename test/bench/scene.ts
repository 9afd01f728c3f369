import type { Operation, OperationTree } from '../../stack/demo/operation.ts'
import { createOrganisation, type OrganisationClient } from '../../stack/demo/organisation.ts'
import { prepareServer } from '../../stack/demo/sample.ts'
import { ensureDocker, type LabServer, openLab, removeLab } from '../lab/index.ts'
import { type BenchKeystone, startKeystone } from './keystone.ts'
import type { Site } from './live.ts'

/** A Keystone, a server, and on it the sample application as one web replica behind Caddy with database and cache. */
export interface BenchScene {
  keystone: BenchKeystone
  server: LabServer
  organisation: OrganisationClient
  environmentId: string
  /** What is deployed, again and again. */
  commit: string
  site: Site
  firstDeploy: OperationTree
  /** Waits for an operation. Throws where it does not succeed. */
  ended(operation: Operation): Promise<OperationTree>
  close(): Promise<void>
}

const labName = 'bench'
const labSubnet = 72

export async function openScene(say: (line: string) => void): Promise<BenchScene> {
  await ensureDocker({ log: say })
  await removeLab(labName)
  const lab = await openLab({ name: labName, subnet: labSubnet, log: say })
  const [server, keystone] = await Promise.all([lab.server('s1', { preinstalled: true }), startKeystone()])
  const organisation = await createOrganisation(keystone.client, 'bench')
  const ended = async (operation: Operation) => {
    const tree = await organisation.finished(operation)
    if (tree.status !== 'succeeded') throw new Error(`${tree.summary} ended ${tree.status}: ${JSON.stringify(tree.failure)}`)
    return tree
  }
  const { serverId, databaseId, cacheId } = await prepareServer(organisation, server, ended)
  const { sshUrl, hostKey } = await lab.gitHost.createRepository('visits')
  const addDeployKey = (publicKey: string) => lab.gitHost.addDeployKey('visits', publicKey)
  const { applicationId } = await organisation.createApplication('visits', { sshUrl, hostKey, addDeployKey })
  const wish = { name: 'production', serverIds: [serverId], schedulerEnabled: false }
  const { environmentId } = await organisation.createEnvironment(applicationId, wish)
  const attach = async (wish: { serviceId: string; role: string; sliceId?: string }) => {
    const { operation, sliceId } = await organisation.attach(environmentId, wish)
    await ended(operation)
    return sliceId
  }
  await attach({ serviceId: databaseId, role: 'database' })
  const sliceId = await attach({ serviceId: cacheId, role: 'cache' })
  await attach({ serviceId: cacheId, role: 'queue', sliceId })
  const site: Site = { address: server.address, port: 80, domain: 'bench.test' }
  const route = await organisation.route(environmentId, { domain: site.domain, tls: 'off' })
  await ended(route.operation)
  await organisation.setVariable(environmentId, 'APP_RELEASE', 'bench-0')
  const firstDeploy = await ended(await organisation.deploy(environmentId))
  const commit = await lab.gitHost.head('visits', 'main')
  return {
    ...{ keystone, server, organisation, environmentId, commit, site, firstDeploy, ended },
    async close() {
      await keystone.stop()
      await lab.down()
    },
  }
}
