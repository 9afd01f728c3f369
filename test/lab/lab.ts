import { type LabAcme, openAcme } from './acme.ts'
import { docker } from './docker.ts'
import { openGitHost, type GitHost } from './git-host.ts'
import { firstDeployImages, pulledImages, serverSystems, type ImageName, type ServerSystem } from './images.ts'
import { locked } from './lock.ts'
import { type LabMirror, mirrorContainer, openMirror } from './mirror.ts'
import { labelOf, openNetworks, planLab } from './network.ts'
import { prepareImages } from './prepare-images.ts'
import { openRegistry, type LabRegistry } from './registry.ts'
import { openServer, openServers, type Ordered } from './servers.ts'
import type { LabServer } from './server.ts'
import { succeeds } from './run.ts'

export interface LabOptions {
  /** Begins the name of every container, network and volume; labs of other names are other labs. */
  name: string
  /** 60 means 10.60.0.0/24 in public and 10.60.1.0/24 in private. */
  subnet: number
  /** Put on the mirror beside what a first deploy pulls. */
  alsoPulled?: readonly ImageName[]
  /** A mirror that no other lab pulls from, with nothing but these images. */
  ownMirror?: readonly ImageName[]
  log: (line: string) => void
}

export interface Lab {
  name: string
  gitHost: GitHost
  registry: LabRegistry
  mirror: LabMirror
  /** Starts an ACME authority, instead of the one that there was. */
  acme(): Promise<LabAcme>
  /** Opens the server of this name, with Debian 13 unless told. A `preinstalled` one, of that only, comes with the packages that provisioning would install. */
  server(name: string, options?: { preinstalled?: boolean; system?: ServerSystem; ordered?: Ordered }): Promise<LabServer>
  /** The servers that there are, started where they stood still. */
  servers(): Promise<LabServer[]>
  /** Removes all that the lab has on this machine. */
  down(): Promise<void>
}

/** Opens a lab: what is there already is taken as it is, what is missing is made. Needs Docker (`ensureDocker`). */
export async function openLab({ name, subnet, alsoPulled = [], ownMirror, log }: LabOptions): Promise<Lab> {
  const plan = planLab(name, subnet)
  await prepareImages({ only: [...firstDeployImages, ...alsoPulled], log })
  const mirrored = { images: ownMirror ?? [...pulledImages, ...alsoPulled], isOwn: ownMirror !== undefined, log }
  const [gitHost, registry, mirror] = await locked(`lab-${name}`, async () => {
    await openNetworks(plan, subnet)
    return Promise.all([openGitHost(plan), openRegistry(plan), openMirror(plan, mirrored)])
  })
  return {
    name,
    gitHost,
    registry,
    mirror,
    async acme() {
      await prepareImages({ only: ['pebble'], log })
      return openAcme(plan)
    },
    async server(serverName, { preinstalled = false, system = 'Debian 13', ordered = null } = {}) {
      const image = preinstalled ? 'server-docker' : serverSystems[system]
      await prepareImages({ only: [image], log })
      return openServer(plan, serverName, { image, ordered })
    },
    servers: () => openServers(plan),
    down: () => removeLab(name),
  }
}

/** Removes a lab's containers, networks and volumes; nothing of another lab. */
export async function removeLab(name: string): Promise<void> {
  const label = labelOf(name)
  await locked(`lab-${name}`, async () => {
    await removeContainers(label)
    for (const network of await listed(['network', 'ls'], label)) {
      await succeeds(['docker', 'network', 'disconnect', '--force', network, mirrorContainer])
      await docker(['network', 'rm', network])
    }
  })
}

/** Removes a lab's servers and leaves the rest. */
export const removeServers = (name: string) => removeContainers(labelOf(name), 'keystone.lab.kind=server')

async function removeContainers(...labels: string[]): Promise<void> {
  const containers = await listed(['ps', '--all'], ...labels)
  if (containers.length > 0) await docker(['rm', '--force', '--volumes', ...containers])
}

async function listed(command: readonly string[], ...labels: string[]): Promise<string[]> {
  const filters = labels.flatMap((label) => ['--filter', `label=${label}`])
  return (await docker([...command, '--quiet', ...filters])).split('\n').filter((id) => id !== '')
}
