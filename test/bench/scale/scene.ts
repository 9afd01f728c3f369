import { createOrganisation, type OrganisationClient } from '../../../stack/demo/organisation.ts'
import { type GitHost, openGitHost } from '../../api/git-host.ts'
import { type BenchKeystone, startKeystone } from '../keystone.ts'
import { usual } from './behaviour.ts'
import { type ObservedDatabase, observeDatabase } from './database.ts'
import { openSimulatedRegistry, type SimulatedRegistry } from './registry.ts'
import { openSimulators, type Simulators } from './simulators.ts'
import { setUp, type Size, type Topology } from './topology.ts'
import { openWorkers, type Workers } from './workers.ts'

/** A Keystone with two workers, and what it is to deploy onto simulated servers that are ready for it. */
export interface ScaleScene extends Topology {
  keystone: BenchKeystone
  workers: Workers
  database: ObservedDatabase
  simulators: Simulators
  registry: SimulatedRegistry
  organisation: OrganisationClient
  /** Commits that can be deployed. */
  commits: GitHost['heads']
  close(): Promise<void>
}

/** Starts everything, adopts the servers and sets up what is to be deployed; that takes minutes for hundreds of servers. */
export async function openScaleScene(size: Size, say: (line: string) => void): Promise<ScaleScene> {
  const [simulators, registry, gitHost, keystone] = await Promise.all([
    openSimulators(size.servers, usual),
    openSimulatedRegistry(),
    openGitHost(),
    startKeystone(),
  ])
  const workers = await openWorkers(keystone.dataDir)
  const database = observeDatabase(workers.env.DATABASE_URL ?? '')
  say(`Keystone, its second worker and ${size.servers} simulated servers are up`)
  const organisation = await createOrganisation(keystone.client, 'bench')
  const topology = await setUp({ size, organisation, servers: simulators.servers, registry, gitHost, database, say })
  return {
    ...{ keystone, workers, database, simulators, registry, organisation, commits: gitHost.heads, ...topology },
    async close() {
      await database.close()
      await workers.stop()
      await keystone.stop()
      await Promise.all([simulators.close(), registry.close(), gitHost.close()])
    },
  }
}
