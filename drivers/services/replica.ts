import { z } from 'zod'
import { isNearlyFull } from '../../domain/checks.ts'
import { renderDotenv } from '../../domain/dotenv.ts'
import { revealed, Secret } from '../../domain/secret.ts'
import { composeProject, servicesFolder } from '../../domain/services.ts'
import type { RemoteFile } from '../ssh/remote.ts'
import { askInputs, askScript } from './ask.ts'
import { type ContainerShape, renderCompose } from './compose.ts'
import type { AskedReplica } from './contract-gateway.ts'
import type { ReplicaFacts, StartStep, StopFacts, VolumeSpec } from './contract.ts'
import type { Ownership, ReplicaInput, ServiceStep } from './contract-step.ts'
import { containersScript, lines, textBeside } from './scripts.ts'

/** Functions for scripts that work on a Compose project; they need the inputs of `projectInputs`. */
export const projectScript = containersScript + textBeside(import.meta.url, 'project.sh')
/** After `projectScript`: starts one container and waits until it is healthy. */
export const replicaUpScript = textBeside(import.meta.url, 'replica-up.sh')
const downScript = containersScript + textBeside(import.meta.url, 'replica-down.sh')

/** A Compose project on a server. */
export interface Project {
  name: string
  folder: string
}

/** Stateful services have one project that outlives its replicas. */
export const statefulProject = ({ serviceId }: Ownership): Project => ({
  name: composeProject(serviceId),
  folder: `${servicesFolder}/${serviceId}`,
})

/** The other services have a project per replica, so that generations run side by side. */
export const generationProject = ({ serviceId, replicaId }: Ownership): Project => ({
  name: composeProject(replicaId),
  folder: `${servicesFolder}/${serviceId}/${replicaId}`,
})

/** A container without a telling health check has to stay up for a while. */
export interface SettlingContainer extends ContainerShape {
  settleSeconds: number
}

export interface ReplicaShape {
  project: Project
  main: ContainerShape
  /** Containers that are started with the main one, and have to be healthy with it. */
  beside?: readonly SettlingContainer[]
  /** Further containers of the project, started by steps of their own. */
  companions?: readonly ContainerShape[]
  /** Volumes that the image may not know; as long as they are empty they become its user's. */
  ownVolumes?: readonly VolumeSpec[]
  files?: readonly RemoteFile[]
  startTimeoutSeconds: number
  /** How long a container without a telling health check has to stay up. */
  settleSeconds?: number
  /** What the gateway of its server asks it for; nothing where it serves no web pages. */
  asked?: Pick<AskedReplica, 'port' | 'path'>
}

/**
 * Starts one container of the project, the main one with those beside it; the gateway of its server asks it in the end. Throws a
 * RangeError where a variable cannot be put into a `.env`.
 */
export function startStep(name: string, input: ReplicaInput, shape: ReplicaShape, container = shape.main): StartStep {
  const beside = container === shape.main ? (shape.beside ?? []) : []
  return {
    name,
    script: [projectScript, replicaUpScript, askScript].join('\n'),
    inputs: {
      ...projectInputs(input, shape, container),
      ...askInputs(input.gateway ?? '', container === shape.main ? questions(input, shape) : []),
      TIMEOUT_SECONDS: `${shape.startTimeoutSeconds}`,
      SETTLE_SECONDS: `${shape.settleSeconds ?? 0}`,
      BESIDE: lines(beside.map(besideLine)),
    },
    containers: [container, ...beside].map(({ containerName }) => containerName),
    secrets: {},
    files: projectFiles(input, shape),
    parse: parseReplicaFacts,
  }
}

const questions = ({ gateway, containerName }: ReplicaInput, { asked }: ReplicaShape): AskedReplica[] =>
  gateway === null || asked === undefined ? [] : [{ ...asked, containerName, address: null }]

const besideLine = ({ key, containerName, settleSeconds }: SettlingContainer): string => `${key} ${containerName} ${settleSeconds}`

/** What a script needs to reach one service of the project and to create what lies outside of Compose. */
export function projectInputs({ ownership, image }: ReplicaInput, { project, ownVolumes = [] }: ReplicaShape, container: ContainerShape): Record<string, string> {
  const owner = [`keystone.organisation=${ownership.organisationId}`]
  const environment = ownership.environmentId ? [`keystone.environment=${ownership.environmentId}`] : [`keystone.service=${ownership.serviceId}`]
  return {
    PROJECT: project.name,
    FOLDER: project.folder,
    SERVICE: container.key,
    CONTAINER: container.containerName,
    NETWORKS: lines(container.networks),
    NETWORK_LABELS: lines(owner),
    VOLUMES: lines(container.volumes.map((volume) => volume.name)),
    VOLUME_LABELS: lines([...owner, ...environment]),
    ...(ownVolumes.length === 0 ? {} : { OWN_VOLUMES: lines(ownVolumes.map(({ name }) => name)), IMAGE: image }),
  }
}

export function projectFiles(input: ReplicaInput, { project, main, beside = [], companions = [], files = [] }: ReplicaShape): RemoteFile[] {
  const env = Object.fromEntries(Object.entries(input.env).map(([key, value]) => [key, revealed(value)]))
  return [
    { path: `${project.folder}/compose.yml`, content: renderCompose(input, project.name, [main, ...beside, ...companions]), mode: 0o600 },
    { path: `${project.folder}/.env`, content: new Secret(renderDotenv(env)), mode: 0o600 },
    ...files,
  ]
}

export interface StopShape {
  project: Project
  graceSeconds: number
  /** What to remove with the last container; the project's folder by default. */
  paths?: readonly string[]
}

export function stopStep(ownership: Ownership, { project, graceSeconds, paths = [project.folder] }: StopShape): ServiceStep<StopFacts> {
  return {
    name: 'stop replica',
    script: downScript,
    inputs: { REPLICA: ownership.replicaId, PROJECT: project.name, GRACE_SECONDS: `${graceSeconds}`, PATHS: lines(paths) },
    secrets: {},
    files: [],
    parse: (result) => stopReport.parse(JSON.parse(result)),
  }
}

const stopReport = z.object({ killed: z.array(z.string()) })

const replicaReport = z.object({
  containerId: z.string().regex(/^[0-9a-f]{64}$/),
  imageId: z.string().startsWith('sha256:'),
  networks: z.record(z.string(), z.object({ IPAddress: z.string() })),
  diskFreeMb: z.int().nullable().default(null),
  /** Billionths of a CPU, and bytes; 0: no limit. A step that an earlier version has started does not say. */
  nanoCpus: z.int().nonnegative().default(0),
  memoryBytes: z.int().nonnegative().default(0),
})

function parseReplicaFacts(result: string): ReplicaFacts {
  const { containerId, imageId, networks, diskFreeMb, nanoCpus, memoryBytes } = replicaReport.parse(JSON.parse(result))
  const addresses = Object.fromEntries(Object.entries(networks).map(([name, { IPAddress }]) => [name, IPAddress]))
  const limits = { cpuLimit: nanoCpus === 0 ? null : nanoCpus / 1e9, memoryLimitMb: memoryBytes === 0 ? null : Math.round(memoryBytes / 2 ** 20) }
  return { containerId, imageId, addresses, limits, lowDiskMb: diskFreeMb !== null && isNearlyFull(diskFreeMb) ? diskFreeMb : null }
}
