import { exclusive, shared, type Lock } from './operations.ts'

/** What each kind of operation holds while it runs (design sections 4 and 13). Children run under their parent's locks. */

/** A server that is being changed is nobody else's. */
export const serverLocks = (serverId: string): Lock[] => [exclusive('server', serverId)]

/** A server that restarts is nobody else's, and two servers of one environment are not away at once; its gateways have to be there. */
export const rebootLocks = (reboot: { serverId: string; environmentIds: readonly string[]; gatewayServerIds: readonly string[] }): Lock[] => [
  exclusive('server', reboot.serverId),
  ...reboot.environmentIds.map((id) => exclusive('environment', id)),
  ...reboot.gatewayServerIds.filter((id) => id !== reboot.serverId).map((id) => shared('server', id)),
]

/** What is done to an organisation as such is done by one at a time. */
export const organisationLocks = (organisationId: string): Lock[] => [exclusive('organisation', organisationId)]

/** A standalone service is changed alone, but not alone on its servers. */
export const serviceLocks = (service: { id: string; serverIds: readonly string[] }): Lock[] => [
  exclusive('service', service.id),
  ...service.serverIds.map((id) => shared('server', id)),
]

/** While its image is replaced it is not there for its environments: none of them is deployed meanwhile. */
export const updateLocks = (service: {
  id: string
  serverIds: readonly string[]
  environmentIds: readonly string[]
}): Lock[] => [...serviceLocks(service), ...service.environmentIds.map((id) => exclusive('environment', id))]

/** A slice that is attached keeps its environments from being deployed meanwhile, and the other way round. */
export const sliceLocks = (slice: {
  id: string
  serviceId: string
  environmentIds: readonly string[]
  serverIds: readonly string[]
}): Lock[] => [
  exclusive('slice', slice.id),
  shared('service', slice.serviceId),
  ...slice.environmentIds.map((id) => shared('environment', id)),
  ...slice.serverIds.map((id) => shared('server', id)),
]

export const volumeLocks = (volume: { id: string; serverId: string }): Lock[] => [exclusive('volume', volume.id), shared('server', volume.serverId)]

/** A rotation changes a slice and brings every environment that is attached to it to the new credentials. */
export function rotationLocks(slice: { id: string; serviceId: string; serverIds: readonly string[]; environments: readonly Lock[] }): Lock[] {
  const own = [exclusive('slice', slice.id), shared('service', slice.serviceId), ...slice.serverIds.map((id) => shared('server', id))]
  const strongest = new Map<string, Lock>()
  for (const lock of [...own, ...slice.environments]) {
    if (strongest.get(lock.key)?.mode !== 'exclusive') strongest.set(lock.key, lock)
  }
  return [...strongest.values()]
}

/** Deploys share servers, attached services and builders; an environment has one at a time. */
export const deployLocks = (deploy: {
  environmentId: string
  serverIds: readonly string[]
  usedServiceIds: readonly string[]
}): Lock[] => [
  exclusive('environment', deploy.environmentId),
  ...deploy.serverIds.map((id) => shared('server', id)),
  ...deploy.usedServiceIds.map((id) => shared('service', id)),
]
