import type { Database } from '../db/connect.ts'
import { insertService, type Service } from '../db/services.ts'
import type { EnvironmentId, OrganisationId, ServerId } from '../domain/ids.ts'
import type { DriverName, ProcessRole } from '../domain/services.ts'
import type { StoredConfig } from '../drivers/services/contract-step.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ApiDependencies } from './context.ts'
import { completeSettings } from './settings.ts'

export interface WishedService {
  organisationId: OrganisationId
  environmentId: EnvironmentId | null
  driver: DriverName
  name: string
  /** Null: the driver's own. */
  role: ProcessRole | null
  serverIds: readonly ServerId[]
  /** Servers of other networks may reach it over the internet. */
  allowPublic: boolean
  config: StoredConfig
  /** Field of the request that the settings came in. */
  configField: string
  cpuLimit?: number | null | undefined
  memoryLimitMb?: number | null | undefined
}

/** Stores a service with its driver's defaults and fresh administrative credentials. Throws a 422 for settings it refuses. */
export function createService(tx: Database, { keyring }: ApiDependencies, wished: WishedService): Promise<Service> {
  const { organisationId, environmentId, name, serverIds, allowPublic } = wished
  const driver = serviceDriver(wished.driver)
  const [serverId = null] = serverIds
  return insertService(tx, keyring, {
    ...{ organisationId, environmentId, name, serverIds, allowPublic },
    category: driver.category,
    type: driver.name,
    driverName: driver.name,
    versionTrack: driver.versionTrack,
    deployPolicy: driver.defaultDeployPolicy,
    processRoles: wished.role ? [wished.role] : [...driver.defaultProcessRoles],
    defaultCpuLimit: wished.cpuLimit === undefined ? driver.resourceDefaults.cpuLimit : wished.cpuLimit,
    defaultMemoryLimitMb: wished.memoryLimitMb === undefined ? driver.resourceDefaults.memoryLimitMb : wished.memoryLimitMb,
    config: completeSettings(driver.configSchema, wished.config, wished.configField),
    gatewayServerId: driver.category === 'gateway' ? serverId : null,
    admin: driver.generateAdmin(),
  })
}
