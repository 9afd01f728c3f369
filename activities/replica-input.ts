import { createHash } from 'node:crypto'
import { attachedData, type AttachedSlice, type EngineService } from '../db/engine-services.ts'
import { liveReplicas, type Replica } from '../db/replicas.ts'
import { variablesOf } from '../db/variables.ts'
import { nearestEndpoint } from '../domain/endpoints.ts'
import type { EnvironmentId, ServerId, ServiceId } from '../domain/ids.ts'
import { revealed, type Secret } from '../domain/secret.ts'
import { serviceAlias, serviceNetwork } from '../domain/services.ts'
import { effectiveVariables, type VariableLayer } from '../domain/variables.ts'
import type { ConfiguredService, ReplicaInput } from '../drivers/services/contract.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'

export interface RenderedReplica {
  configured: ConfiguredService
  input: ReplicaInput
  configHash: string
  /** Values that must not be seen in a log. */
  masked: readonly Secret[]
}

type Identity = Pick<Replica, 'id' | 'serverId' | 'role' | 'containerName' | 'operationId' | 'cpuLimit' | 'memoryLimitMb'>

/** Everything that is the same for all replicas of an environment: read once, used for each of them. */
export interface ReplicaContext {
  attached: readonly AttachedSlice[]
  providers: readonly Replica[]
  variables: Awaited<ReturnType<typeof variablesOf>>
}

/** `environmentId` is null for standalone services, which have neither variables nor attachments. */
export async function replicaContext({ db, keyring }: ActivityDeps, environmentId: EnvironmentId | null): Promise<ReplicaContext> {
  if (environmentId === null) return { attached: [], providers: [], variables: [] }
  const attached = await attachedData(db, keyring, environmentId)
  const providers = await liveReplicas(db, attached.map(({ service }) => service.id))
  return { attached, providers, variables: await variablesOf(db, keyring, environmentId) }
}

/** What a replica is started from, with the present variables, attachments and limits. */
export function renderReplica(context: ReplicaContext, service: EngineService, identity: Identity, image: ReplicaImage): RenderedReplica {
  const configured = serviceDriver(service.driverName).configured(service.config)
  const variables = effectiveVariables(variableLayers(context, identity.serverId))
  const input: ReplicaInput = {
    ownership: {
      organisationId: service.organisationId,
      environmentId: service.environmentId,
      serviceId: service.id,
      replicaId: identity.id,
      operationId: identity.operationId ?? '',
    },
    containerName: identity.containerName,
    role: identity.role,
    image: image.reference,
    imageIsLocal: image.isLocal,
    env: Object.fromEntries(variables.map(({ key, value }) => [key, value])),
    networks: localNetworks(context, identity.serverId),
    cpuLimit: identity.cpuLimit ?? service.defaultCpuLimit,
    memoryLimitMb: identity.memoryLimitMb ?? service.defaultMemoryLimitMb,
    publish: [],
    admin: service.adminCredentials,
  }
  const masked = [...variables.filter(isMasked).flatMap(({ value }) => (typeof value === 'string' ? [] : [value])), ...Object.values(input.admin)]
  return { configured, input, configHash: configHash(configured, input), masked }
}

export interface ReplicaImage {
  /** `name@sha256:…`, or `sha256:…` of an image that was built on this server. */
  reference: string
  isLocal: boolean
}

export const noImage: ReplicaImage = { reference: `sha256:${'0'.repeat(64)}`, isLocal: true }

/** Whether a replica would come out the same today: the image and its own identity aside (they change with every deploy). */
function configHash(configured: ConfiguredService, input: ReplicaInput): string {
  const { inputs, files } = configured.startReplica({
    ...input,
    ownership: { ...input.ownership, replicaId: 'replica', operationId: 'operation' },
    containerName: 'replica',
    image: noImage.reference,
    imageIsLocal: noImage.isLocal,
  })
  const contents = files.map(({ path, content, mode }) => [path, revealed(content), mode])
  return createHash('sha256').update(JSON.stringify([inputs, contents])).digest('hex')
}

function variableLayers({ attached, providers, variables }: ReplicaContext, serverId: ServerId): VariableLayer<string | Secret>[] {
  const managed = attached.flatMap(({ service, slice, envPrefix }) => {
    const exported = configuredSlice({ service, slice }).exports({ endpoint: endpointOf(service, providers, serverId), prefix: envPrefix })
    return Object.entries(exported).map(([key, value]) => ({ key, value, source: 'managed_attachment' as const, overridable: true }))
  })
  return [...variables, ...managed]
}

export function configuredSlice({ service, slice }: Pick<AttachedSlice, 'service' | 'slice'>) {
  const { slices } = serviceDriver(service.driverName)
  if (!slices) throw new Error(`${service.driverName} has no slices`)
  return slices.configured({ config: slice.config, credentials: slice.credentials })
}

function endpointOf(service: EngineService, providers: readonly Replica[], serverId: ServerId) {
  const provider = providers.find((replica) => replica.serviceId === service.id && replica.status === 'running')
  const endpoint = provider && nearestEndpoint({ serverId }, { ...provider, alias: serviceAlias(service.id), containerPort: provider.internalPort, privateAddress: null })
  if (endpoint) return endpoint
  throw finalFailure({
    code: 'service_unreachable',
    message: provider ? `${service.name} cannot be reached from another server.` : `${service.name} does not run.`,
    hint: provider ? 'Place the environment on the server of the service.' : `Deploy ${service.name} first.`,
  })
}

/** Networks of the attached services on this server; those elsewhere are reached by address. */
function localNetworks({ attached, providers }: ReplicaContext, serverId: ServerId): string[] {
  const isHere = (id: ServiceId) => providers.some((replica) => replica.serviceId === id && replica.serverId === serverId)
  return [...new Set(attached.map(({ service }) => service.id).filter(isHere))].map(serviceNetwork)
}

/** A log is useless where common words are masked: Laravel's own plain settings are none, what a user sets is, unless a plain word. */
function isMasked({ key, value, source }: VariableLayer<string | Secret>): boolean {
  if (typeof value === 'string') return false
  if (source === 'system') return key === 'APP_KEY'
  return source !== 'user' || !/^[a-z]{1,12}$/.test(value.reveal())
}
