/** What a container may use of its server (specification section 2). */

/** Null: all that its server has. */
export interface Limits {
  cpuLimit: number | null
  memoryLimitMb: number | null
}

/** Limits of the replicas at one place; what it does not name is as the service has it. */
export type OwnLimits = Partial<Limits>

/** Limits of a service, for those of its replicas that have none of their own. */
export interface ServiceLimits {
  defaultCpuLimit: number | null
  defaultMemoryLimitMb: number | null
}

/** What the replicas at a place get: limits of their own override those of the service, also where these are null. */
export const limitsAt = ({ cpuLimit, memoryLimitMb }: OwnLimits, service: ServiceLimits): Limits => ({
  cpuLimit: cpuLimit === undefined ? service.defaultCpuLimit : cpuLimit,
  memoryLimitMb: memoryLimitMb === undefined ? service.defaultMemoryLimitMb : memoryLimitMb,
})
