import type { Environment } from '../db/environments.ts'
import { environmentServers } from '../db/environments.ts'
import { registriesAt, registryLogin } from '../db/registries.ts'
import { serversAmong } from '../db/servers.ts'
import { registryOfImage, registryUrl } from '../drivers/registries/images.ts'
import { parseReference } from '../drivers/registries/reference.ts'
import type { ApiDependencies } from './context.ts'
import { Problem } from './problem.ts'

/** An image that was built elsewhere, as its registry has it at this moment. */
export interface GivenImage {
  /** `name@sha256:…` */
  image: string
  /** The commit that it says it was made from; null where it says none. */
  commit: string | null
}

/**
 * Asks the registry what a name stands for; nothing is pulled. Throws a RegistryError where it has no such image or does not let us in,
 * and a 422 where the image is not for the servers of the environment.
 */
export async function givenImage({ db, keyring, registries }: ApiDependencies, environment: Environment, named: string): Promise<GivenImage> {
  const reference = parseReference(named)
  const registry = registryOfImage(await registriesAt(db, environment.organisationId), reference, environment.registryId)
  const credentials = registry ? await registryLogin(db, keyring, registry.id) : null
  const access = { url: registry?.url ?? registryUrl(reference.host), credentials }
  const { digest, platforms, revision } = await registries.inspect(access, reference)
  await refuseOtherPlatform({ db }, environment, { named, platforms })
  return { image: `${reference.host}/${reference.repository}@${digest}`, commit: revision }
}

async function refuseOtherPlatform(
  { db }: Pick<ApiDependencies, 'db'>,
  { id, organisationId }: Environment,
  { named, platforms }: { named: string; platforms: readonly string[] },
): Promise<void> {
  const servers = await serversAmong(db, organisationId, await environmentServers(db, id))
  const left = servers.find(({ architecture }) => architecture !== null && !platforms.includes(`linux/${architecture}`))
  if (!left) return
  const message = `${named} is for ${platforms.join(', ')}, and ${left.name} is linux/${left.architecture}: build it for that platform too`
  throw new Problem(422, 'platform_missing', `image: ${message}`, { errors: [{ field: 'image', message }] })
}
