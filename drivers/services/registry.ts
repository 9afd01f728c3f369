import type { DriverName } from '../../domain/services.ts'
import { buildkit } from './buildkit/driver.ts'
import { caddy } from './caddy/driver.ts'
import type { ServiceDriver } from './contract.ts'
import { laravel } from './laravel/driver.ts'
import { postgres } from './postgres/driver.ts'
import { valkey } from './valkey/driver.ts'

/** A new kind of service is a folder, a name in `domain/services.ts` and a line here. */
const drivers: Readonly<Record<DriverName, ServiceDriver>> = { laravel, postgres, valkey, caddy, buildkit }

export const serviceDriver = (name: DriverName): ServiceDriver => drivers[name]

export const allDrivers = (): readonly ServiceDriver[] => Object.values(drivers)
