import { createHash } from 'node:crypto'
import { attachedData, type AttachedSlice, type EngineService } from '../db/engine-services.ts'
import { type PinnedVariables, releasedVariables } from '../db/releases.ts'
import { liveReplicas, type Replica } from '../db/replicas.ts'
import { serverPlaces } from '../db/servers.ts'
import { variablesOf } from '../db/variables.ts'
import { nearestEndpoint, type ServerPlace } from '../domain/endpoints.ts'
import { assignedPorts } from '../domain/firewall.ts'
import type { ServerId, ServiceId } from '../domain/ids.ts'
import type { ReplicaImage } from '../domain/images.ts'
import { maskedSecrets } from '../domain/masking.ts'
import { revealed, type Secret } from '../domain/secret.ts'
import { serviceAlias, serviceNetwork } from '../domain/services.ts'
import { effectiveVariables, managedLayer, type VariableLayer } from '../domain/variables.ts'
import type { ConfiguredService } from '../drivers/services/contract.ts'
import type { Ownership, ReplicaInput } from '../drivers/services/contract-step.ts'
import type { RemoteFile } from '../drivers/ssh/remote.ts'
import { configuredService, configuredSlice } from './configured-services.ts'
import type { PlanningDeps } from './deps.ts'
import { finalFailure } from './failures.ts'

/** A replica as its driver starts it. */
export interface RenderedReplica {
  configured: ConfiguredService
  input: ReplicaInput
  /** 64 hex characters over all that it is rendered from but its image and its own identity. */
  configHash: string
  /** Values that must not be seen in a log. */
  masked: readonly Secret[]
}

type Identity = Pick<Replica, 'id' | 'serverId' | 'role' | 'containerName' | 'operationId' | 'cpuLimit' | 'memoryLimitMb' | 'hostPort'>

type Layer = VariableLayer<string | Secret>

/** Everything that is the same for all replicas of an environment: read once, used for each of them. */
export interface ReplicaContext {
  /** The organisation's servers, by id. */
  places: ReadonlyMap<string, ServerPlace>
  attached: readonly AttachedSlice[]
  providers: readonly Replica[]
  variables: readonly VariableLayer<Secret>[]
}

/** Of the service, or of one of the environment's. */
type Owner = Pick<EngineService, 'organisationId' | 'environmentId'>

/**
 * Standalone services are of no environment, and have neither variables nor attachments. Where `pinned` is given, these
 * are the user's variables instead of today's; what attachments and Keystone itself give is always today's (design section 8).
 */
export async function replicaContext(
  deps: PlanningDeps,
  { organisationId, environmentId }: Owner,
  pinned: PinnedVariables['values'] | null = null,
): Promise<ReplicaContext> {
  const { db, keyring } = deps
  const places = await serverPlaces(db, organisationId)
  if (environmentId === null) return { places, attached: [], providers: [], variables: [] }
  const attached = await attachedData(db, keyring, environmentId)
  const providers = await liveReplicas(db, attached.map(({ service }) => service.id))
  const stored = await variablesOf(db, keyring, environmentId)
  return { places, attached, providers, variables: pinned ? [...stored.filter(isNotUsers), ...asUsers(pinned)] : stored }
}

const isNotUsers = ({ source }: VariableLayer<Secret>) => source !== 'user'

const asUsers = (pinned: PinnedVariables['values']): VariableLayer<Secret>[] =>
  Object.entries(pinned).map(([key, value]) => ({ key, value, source: 'user', overridable: true }))

/** The same for a stored replica: with the user's variables of the release that it was planned for. */
export async function contextOfReplica(
  deps: PlanningDeps,
  owner: Owner,
  { operationId }: Pick<Replica, 'operationId'>,
): Promise<ReplicaContext> {
  const pinned = operationId === null ? null : await releasedVariables(deps.db, deps.keyring, operationId)
  return replicaContext(deps, owner, pinned)
}

/** Stands for the image where it does not matter or is not known yet. */
export const noImage: ReplicaImage = { reference: `sha256:${'0'.repeat(64)}`, isLocal: true }

/**
 * What a replica is started from, with the present variables, attachments and limits. Fails as `service_unreachable` where an
 * attached service does not run, or not where this server can reach it.
 */
export function renderReplica(
  context: ReplicaContext,
  service: EngineService,
  identity: Identity,
  image: ReplicaImage,
): RenderedReplica {
  const configured = configuredService(service)
  const variables = effectiveVariables(variableLayers(context, identity.serverId))
  const input: ReplicaInput = {
    ownership: ownershipOf(service, identity),
    ...{ containerName: identity.containerName, role: identity.role, image: image.reference, imageIsLocal: image.isLocal },
    env: Object.fromEntries(variables.map(({ key, value }) => [key, value])),
    networks: localNetworks(context, identity.serverId),
    ...{ cpuLimit: identity.cpuLimit, memoryLimitMb: identity.memoryLimitMb },
    publish: publishedOf(context, service, { configured, identity }),
    admin: service.adminCredentials,
    gateway: null,
  }
  const masked = [...variables.flatMap(maskedSecrets), ...Object.values(input.admin)]
  return { configured, input, configHash: configHash(configured, input), masked }
}

/** Stands for a port that has not been assigned yet. */
export const anyHostPort = assignedPorts.first

/**
 * Where its server has a private address, or its service may be reached publicly, a replica is there from the beginning, closed by the
 * firewall to all but those who may reach it: so attaching it, or routing to it, recreates no container.
 */
function publishedOf({ places }: ReplicaContext, service: EngineService, { configured, identity }: Published): ReplicaInput['publish'] {
  const { serverId, role, hostPort } = identity
  const { privateAddress, publicAddress } = placeOf(places, serverId)
  const [port] = internalPorts(configured, role)
  if (!port || hostPort === null) return []
  const published = { hostPort, containerPort: port.containerPort }
  const near = privateAddress === null ? [] : [{ ...published, address: privateAddress, isPublic: false }]
  const far = publicAddress === null || !service.allowPublic ? [] : [{ ...published, address: publicAddress, isPublic: true }]
  return [...near, ...far]
}

interface Published {
  configured: ConfiguredService
  identity: Identity
}

/** Ports that are for other services, not for the world. */
export const internalPorts = (configured: ConfiguredService, role: Replica['role']) =>
  configured.ports(role).filter(({ exposure }) => exposure === 'internal')

/** Whose a replica is; it stays the operation's that made it, whichever works on it. */
export function ownershipOf(service: EngineService, { id, operationId }: Pick<Replica, 'id' | 'operationId'>): Ownership {
  const { organisationId, environmentId, id: serviceId } = service
  return { organisationId, environmentId, serviceId, replicaId: id, operationId: operationId ?? '' }
}

/** Whether a replica would come out the same today: the image and its own identity aside (they change with every deploy). */
function configHash(configured: ConfiguredService, input: ReplicaInput): string {
  const { inputs, files } = configured.startReplica({
    ...input,
    ownership: { ...input.ownership, replicaId: 'replica', operationId: 'operation' },
    containerName: 'replica',
    image: noImage.reference,
    imageIsLocal: noImage.isLocal,
    publish: input.publish.map((published) => ({ ...published, hostPort: anyHostPort })),
  })
  const contents = files.map(({ path, content, mode }) => [path, revealed(content), mode])
  return createHash('sha256').update(JSON.stringify([inputs, contents])).digest('hex')
}

/** SHA-256 of each file in hex, by path: what a look at the server compares. */
export const hashesOf = (files: readonly RemoteFile[]): Record<string, string> =>
  Object.fromEntries(files.map(({ path, content }) => [path, createHash('sha256').update(revealed(content)).digest('hex')]))

function variableLayers({ places, attached, providers, variables }: ReplicaContext, serverId: ServerId): Layer[] {
  const managed = attached.flatMap(({ service, slice, envPrefix }): Layer[] => {
    const endpoint = endpointOf(service, { places, providers, serverId })
    const exported = configuredSlice({ service, slice }).exports({ endpoint, prefix: envPrefix })
    return Object.entries(exported).map(([key, value]) => managedLayer(key, value))
  })
  return [...variables, ...managed]
}

function endpointOf(service: EngineService, { places, providers, serverId }: Pick<ReplicaContext, 'places' | 'providers'> & { serverId: ServerId }) {
  const provider = providers.find((replica) => replica.serviceId === service.id && replica.status === 'running')
  if (!provider) throw unreachable(`${service.name} does not run.`, `Deploy ${service.name} first.`)
  const placed = {
    ...placeOf(places, provider.serverId),
    ...{ alias: serviceAlias(service.id), containerPort: provider.internalPort, hostPort: provider.hostPort, allowPublic: service.allowPublic },
  }
  const endpoint = nearestEndpoint(placeOf(places, serverId), placed)
  if (endpoint) return endpoint
  const hint = 'Give both servers addresses in one private network, allow the service to be reached publicly, or place the environment on its server.'
  throw unreachable(`${service.name} cannot be reached from another server.`, hint)
}

const placeOf = (places: ReplicaContext['places'], serverId: ServerId): ServerPlace =>
  places.get(serverId) ?? { serverId, privateAddress: null, privateNetwork: null, publicAddress: null }

const unreachable = (message: string, hint: string) => finalFailure({ code: 'service_unreachable', message, hint })

/** Networks of the attached services on this server; those elsewhere are reached by address. */
function localNetworks({ attached, providers }: ReplicaContext, serverId: ServerId): string[] {
  const isHere = (id: ServiceId) => providers.some((replica) => replica.serviceId === id && replica.serverId === serverId)
  return [...new Set(attached.map(({ service }) => service.id).filter(isHere))].map(serviceNetwork)
}
