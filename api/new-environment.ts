import { randomBytes } from 'node:crypto'
import type { z } from 'zod'
import type { Application } from '../db/applications.ts'
import type { Database } from '../db/connect.ts'
import { type Environment, insertEnvironment, setSchedulerTarget } from '../db/environments.ts'
import { insertSystemVariables } from '../db/variables.ts'
import { Secret } from '../domain/secret.ts'
import type { DriverName } from '../domain/services.ts'
import type { StoredConfig } from '../drivers/services/contract-step.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { BuildSource } from './build-source.ts'
import type { ApiDependencies } from './context.ts'
import { createService } from './new-service.ts'
import type { newEnvironmentSchema } from './schemas/environment.ts'
import { completeSettings } from './settings.ts'

/** The one application framework of this version (specification section 1). */
export const framework: DriverName = 'laravel'

/**
 * Stores an environment with its default topology (specification sections 7 and 8): one web service, no worker, and the
 * scheduler on the web service; with it the variables that Laravel cannot do without.
 */
export async function createEnvironment(
  tx: Database,
  deps: ApiDependencies,
  { application, wished }: { application: Application; wished: z.output<typeof newEnvironmentSchema> & BuildSource },
): Promise<Environment> {
  const { name, branch = application.defaultBranch, serverIds, allowPublic, web, schedulerEnabled, schedulerMode, releaseRetention, rolloutBatchSize, registryId } = wished
  const { buildStrategy, builderServiceId, image, deployOnPush, deployTags, triggerPaths, branchCheckMinutes } = wished
  const { organisationId } = application
  const { id } = await insertEnvironment(tx, {
    ...{ organisationId, applicationId: application.id, name, branch, schedulerEnabled, schedulerMode, releaseRetention, rolloutBatchSize, registryId },
    ...{ buildStrategy, builderServiceId, image, deployOnPush, deployTags, triggerPaths, branchCheckMinutes },
    buildConfig: buildSettings(wished),
  })
  const service = await createService(tx, deps, {
    ...{ organisationId, environmentId: id, driver: framework, name: 'web', role: 'web', serverIds, allowPublic },
    config: web,
    configField: 'web',
  })
  await insertSystemVariables(tx, deps.keyring, { environmentId: id, values: systemVariables(application.name, name) })
  return setSchedulerTarget(tx, id, service.id)
}

const buildSettings = ({ build, phpVersion }: z.output<typeof newEnvironmentSchema>): StoredConfig =>
  completeBuild(phpVersion ? { ...build, phpVersion } : build)

/** The build configuration after a change; settings that are left out stay. Throws a 422 that names what is wrong. */
export const changedBuild = (current: StoredConfig, wished: StoredConfig): StoredConfig => completeBuild({ ...current, ...wished })

function completeBuild(settings: StoredConfig): StoredConfig {
  const driver = serviceDriver(framework).build
  if (!driver) throw new Error(`${framework} is not built from source`)
  return completeSettings(driver.configSchema, settings, 'build')
}

const systemVariables = (applicationName: string, environmentName: string): Record<string, Secret> => ({
  APP_NAME: new Secret(applicationName),
  APP_ENV: new Secret(environmentName),
  APP_KEY: new Secret(`base64:${randomBytes(32).toString('base64')}`),
  APP_DEBUG: new Secret('false'),
  LOG_CHANNEL: new Secret('stderr'),
})
