import type { AttachedSlice, EngineService } from '../db/engine-services.ts'
import type { ApplicationProcesses } from '../drivers/services/contract-application.ts'
import type { Gateway } from '../drivers/services/contract-gateway.ts'
import type { ConfiguredSlice } from '../drivers/services/contract-slices.ts'
import type { Builder, ConfiguredService } from '../drivers/services/contract.ts'
import { serviceDriver } from '../drivers/services/registry.ts'

/** A stored service as its driver understands it. Throws a ZodError where the configuration does not fit the driver's schema. */
export function configuredService({ driverName, config }: Pick<EngineService, 'driverName' | 'config'>): ConfiguredService {
  return serviceDriver(driverName).configured(config)
}

type NamedService = Pick<EngineService, 'name' | 'driverName' | 'config'>

/** What an application can do beyond running replicas. Throws where the service is none. */
export function applicationOf(service: NamedService): ApplicationProcesses {
  const { application } = configuredService(service)
  if (!application) throw new Error(`${service.name} is no application`)
  return application
}

/** What a gateway can do with its routes. Throws where the service is none. */
export function gatewayOf(service: NamedService): Gateway {
  const { gateway } = configuredService(service)
  if (!gateway) throw new Error(`${service.name} is no gateway`)
  return gateway
}

/** What a builder can do. Throws where the service is none. */
export function builderOf(service: NamedService): Builder {
  const { builder } = configuredService(service)
  if (!builder) throw new Error(`${service.name} is no builder`)
  return builder
}

/** A slice of a data service with its configuration and credentials. Throws where the service's driver has no slices. */
export function configuredSlice({ service, slice }: Pick<AttachedSlice, 'service' | 'slice'>): ConfiguredSlice {
  const { slices } = serviceDriver(service.driverName)
  if (!slices) throw new Error(`${service.driverName} has no slices`)
  return slices.configured({ config: slice.config, credentials: slice.credentials })
}
