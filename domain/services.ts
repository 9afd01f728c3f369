/** Rules about services that need no I/O (specification sections 2, 8, 9 and 16). */

export const serviceCategories = ['application', 'database', 'cache', 'gateway', 'builder', 'storage'] as const
export type ServiceCategory = (typeof serviceCategories)[number]

export const driverNames = ['laravel', 'postgres', 'valkey', 'caddy', 'buildkit'] as const
export type DriverName = (typeof driverNames)[number]

export const deployPolicies = ['with_environment', 'dependency_only', 'manual_or_on_route_change', 'manual'] as const
export type DeployPolicy = (typeof deployPolicies)[number]

/** Policies of an environment's own services: its deploy takes them along, or they are deployed on their own. */
export const environmentPolicies = ['with_environment', 'manual'] as const satisfies readonly DeployPolicy[]

/** What a replica's main process is. Data services and gateways have the one role `server`. */
export const processRoles = ['web', 'worker', 'websocket', 'server'] as const
export type ProcessRole = (typeof processRoles)[number]

export const sliceTypes = ['database', 'keyspace', 'route'] as const
export type SliceType = (typeof sliceTypes)[number]

export const attachmentRoles = ['database', 'cache', 'queue', 'storage', 'gateway', 'custom'] as const
export type AttachmentRole = (typeof attachmentRoles)[number]

/**
 * Traffic of a replica (design section 8): every stored combination is safe to apply at any moment. `away`: it has been taken out for the
 * reboot of its server, and serves again when that is back.
 */
export const trafficStates = ['none', 'serving', 'draining', 'away'] as const
export type Traffic = (typeof trafficStates)[number]

/** The Docker network of a server's gateway; application replicas join it. */
export const gatewayNetwork = 'keystone_gateway'

/** The Docker network of a data service; its consumers join it when they are created. */
export const serviceNetwork = (serviceId: string): string => `keystone_service_${serviceId}`

/** Alias of a data service in its network: outlives the container behind it. */
export const serviceAlias = (serviceId: string): string => `service-${serviceId}`

/** Alias and Compose service key of one replica, unique on every network (Compose puts the key itself on each of them). */
export const replicaAlias = (replicaId: string): string => `replica-${replicaId}`

/** Compose project of one replica, or of a stateful service whose project outlives its replicas. */
export const composeProject = (id: string): string => `keystone-${id}`

/** Labels of everything that Keystone makes on a server; pruning and recovery find their things by them (design section 6). */
export function ownershipLabels(owner: {
  organisationId: string
  environmentId: string | null
  serviceId: string
  replicaId: string
  operationId: string
}): Record<string, string> {
  return {
    'keystone.organisation': owner.organisationId,
    ...(owner.environmentId ? { 'keystone.environment': owner.environmentId } : {}),
    'keystone.service': owner.serviceId,
    'keystone.replica': owner.replicaId,
    'keystone.operation': owner.operationId,
  }
}

/** Volume of a service, e.g. `keystone_service_<id>_postgres_data` (specification section 10). */
export const serviceVolume = (serviceId: string, name: string): string => `keystone_service_${serviceId}_${name}`

/** Volume of an environment, shared by the services and generations of its application on one server. */
export const environmentVolume = (environmentId: string, name: string): string => `keystone_environment_${environmentId}_${name}`

/** Compose projects of services, a folder each (design section 6). */
export const servicesFolder = '/home/keystone/services'
/** All that is of one service; a folder in it for each generation, or its only project. */
export const serviceFolder = (serviceId: string): string => `${servicesFolder}/${serviceId}`
/** Configuration of the server's gateway. */
export const gatewayFolder = '/home/keystone/gateway'
