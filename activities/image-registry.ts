import { registriesAt, registryLogin, registryOf } from '../db/registries.ts'
import type { DeployedEnvironment } from '../db/releases.ts'
import type { Secret } from '../domain/secret.ts'
import { dockerConfig, imageName, registryOfImage, registryUrl } from '../drivers/registries/images.ts'
import { parseReference } from '../drivers/registries/reference.ts'
import type { RegistryAccess } from '../drivers/registries/session.ts'
import type { PlanningDeps } from './deps.ts'

/** Under which name an environment's images are stored; null where it has no registry. */
export async function storedAs({ db }: PlanningDeps, { environment, application }: DeployedEnvironment): Promise<string | null> {
  const { organisationId, registryId, name } = environment
  if (registryId === null) return null
  const registry = await registryOf(db, organisationId, registryId)
  if (!registry) throw new Error(`registry ${registryId} does not exist`)
  return imageName(registry, `${application.name}-${name}`)
}

/** What opens the registry of an image. */
export interface ImageAccess {
  access: RegistryAccess
  /** For the Docker of a server, for one step. */
  dockerConfig: Secret
  /** Values that must not be seen in a log. */
  masked: readonly Secret[]
}

/** Whose images these are. */
type Owner = Pick<DeployedEnvironment['environment'], 'organisationId' | 'registryId'>

/**
 * The login for the registry that an image is in: the environment's own, or another of the organisation at the same host. One that
 * nobody has connected is asked as anybody may.
 */
export async function accessTo({ db, keyring }: PlanningDeps, { organisationId, registryId }: Owner, image: string): Promise<ImageAccess> {
  const reference = parseReference(image)
  const registry = registryOfImage(await registriesAt(db, organisationId), reference, registryId)
  const credentials = registry ? await registryLogin(db, keyring, registry.id) : null
  const access = { url: registry?.url ?? registryUrl(reference.host), credentials }
  return { access, dockerConfig: dockerConfig(access), masked: credentials ? [credentials.password] : [] }
}
