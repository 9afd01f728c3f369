import type { Environment } from '../db/environments.ts'
import { servicesOfRole } from '../db/services.ts'
import { migrationRefusal } from '../domain/migrations.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ApiDependencies } from './context.ts'
import { refusedBy } from './problem.ts'

/** Throws a 409 with the reason where the migration of an environment cannot be run by hand. */
export async function refuseMigration({ db }: Pick<ApiDependencies, 'db'>, { id, name, currentReleaseId }: Environment): Promise<void> {
  const [primary] = await servicesOfRole(db, id, 'web')
  const mode = primary ? serviceDriver(primary.driverName).configured(primary.config).application?.migration.mode : undefined
  const refusal = migrationRefusal({ environment: name, isDeployed: currentReleaseId !== null, mode: mode ?? null })
  if (refusal) throw refusedBy(refusal)
}
