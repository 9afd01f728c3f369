import type { z } from 'zod'
import type { PlacementOfService, Service, ServiceChange } from '../db/services.ts'
import type { StoredConfig } from '../drivers/services/contract-step.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import { invalidField } from './problem.ts'
import type { serviceChangeSchema } from './schemas/service.ts'
import { completeSettings } from './settings.ts'
import { refuseWebSettings } from './web-settings.ts'

type Wished = z.output<typeof serviceChangeSchema>

/** What a wish changes of a service. Throws a 422 naming the field and the reason for what cannot change while it lives. */
export function changeOfService(service: Service, wished: Wished): ServiceChange {
  const { placements, cpuLimit, memoryLimitMb, allowPublic, deployPolicy, config } = wished
  if (deployPolicy !== undefined && service.environmentId === null) {
    throw invalidField('deployPolicy', `${service.name} is of no environment, and always deployed on its own: leave it out`)
  }
  return {
    ...(placements === undefined ? {} : { placements: placementsFor(service, placements) }),
    ...(cpuLimit === undefined ? {} : { defaultCpuLimit: cpuLimit }),
    ...(memoryLimitMb === undefined ? {} : { defaultMemoryLimitMb: memoryLimitMb }),
    ...(allowPublic === undefined ? {} : { allowPublic }),
    ...(deployPolicy === undefined ? {} : { deployPolicy }),
    ...(config === undefined ? {} : { config: changedConfig(service, config) }),
  }
}

function placementsFor(service: Service, placements: NonNullable<Wished['placements']>): PlacementOfService[] {
  if (service.environmentId === null) refuseMove(service, placements)
  return placements.map(({ serverId, count, cpuLimit, memoryLimitMb }) => ({
    ...{ serverId, count },
    limits: { ...(cpuLimit === undefined ? {} : { cpuLimit }), ...(memoryLimitMb === undefined ? {} : { memoryLimitMb }) },
  }))
}

/** Its data is in a volume of its server, of which one process is in charge (specification section 10). */
function refuseMove({ name, serverIds }: Service, placements: NonNullable<Wished['placements']>): void {
  const elsewhere = placements.findIndex(({ serverId }) => !serverIds.includes(serverId))
  if (elsewhere >= 0 || placements.length !== serverIds.length) {
    const field = elsewhere < 0 ? 'placements' : `placements[${elsewhere}].serverId`
    throw invalidField(field, `${name} stays on its server, where its data is: create another service on the other one`, 'service_bound')
  }
  const many = placements.findIndex(({ count }) => count !== 1)
  if (many >= 0) throw invalidField(`placements[${many}].count`, `must be 1: there is one process of ${name}, which has its data for itself`, 'service_bound')
}

function changedConfig({ driverName, status, environmentId, processRoles, config: present }: Service, wished: StoredConfig): StoredConfig {
  if (environmentId !== null && !processRoles.includes('web')) refuseWebSettings(wished, present)
  const driver = serviceDriver(driverName)
  const config = completeSettings(driver.configSchema, merged(present, wished), 'config')
  const refusal = status === 'new' ? null : driver.refuseChange(present, config)
  if (refusal) throw invalidField(`config.${refusal.setting}`, refusal.reason, 'setting_fixed')
  return config
}

/** Objects are merged field by field, everything else takes the place of what was there. */
function merged(present: StoredConfig, wished: StoredConfig): StoredConfig {
  const changed = Object.entries(wished).map(([key, value]) => {
    const before = present[key]
    return [key, isObject(before) && isObject(value) ? merged(before, value) : value]
  })
  return { ...present, ...Object.fromEntries(changed) }
}

const isObject = (value: unknown): value is StoredConfig => typeof value === 'object' && value !== null && !Array.isArray(value)
