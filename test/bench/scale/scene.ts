import { createOrganisation, type OrganisationClient } from '../../../stack/demo/organisation.ts'
import { type GitHost, openGitHost } from '../../api/git-host.ts'
import { type BenchKeystone, startKeystone } from '../keystone.ts'
import type { Behaviour } from './behaviour.ts'
import { type ObservedDatabase, observeDatabase } from './database.ts'
import { openSimulatedRegistry, type SimulatedRegistry } from './registry.ts'
import { openSimulators, type Simulators } from './simulators.ts'
import { setUp, type Size, type Topology } from './topology.ts'
import { openWorkers, type Workers } from './workers.ts'

/** How much is deployed, and onto servers that behave how. */
export interface ScaleWish extends Size {
  behaviour: Behaviour
}

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
export async function openScaleScene({ behaviour, ...size }: ScaleWish, say: (line: string) => void): Promise<ScaleScene> {
  const opened: { close(): Promise<void> }[] = []
  const close = async () => {
    for (const one of opened.splice(0).reverse()) await one.close()
  }
  const kept = async <One>(opening: One | Promise<One>, end: (one: One) => Promise<void>): Promise<One> => {
    const one = await opening
    opened.push({ close: () => end(one) })
    return one
  }
  try {
    const simulators = await kept(openSimulators(size.servers, behaviour), (one) => one.close())
    const registry = await kept(openSimulatedRegistry(), (one) => one.close())
    const gitHost = await kept(openGitHost(), (one) => one.close())
    const keystone = await kept(startKeystone(), (one) => one.stop())
    const workers = await kept(openWorkers(keystone.dataDir), (one) => one.stop())
    const database = await kept(observeDatabase(workers.env.DATABASE_URL ?? ''), (one) => one.close())
    say(`Keystone, its second worker and ${size.servers} simulated servers are up`)
    const organisation = await createOrganisation(keystone.client, 'bench')
    const topology = await setUp({ size, organisation, servers: simulators.servers, registry, gitHost, database, say })
    const parts = { keystone, workers, database, simulators, registry, organisation }
    return { ...parts, ...topology, commits: gitHost.heads, close }
  } catch (error) {
    await close()
    throw error
  }
}
