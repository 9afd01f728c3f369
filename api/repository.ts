import { type Application, deployKeyOf } from '../db/applications.ts'
import { confirmedHostKeys } from '../db/git-host-keys.ts'
import type { Secret } from '../domain/secret.ts'
import type { RepositoryAccess } from '../drivers/sources/driver.ts'
import { SourceError } from '../drivers/sources/errors.ts'
import { parseRepositoryUrl } from '../drivers/sources/repository-url.ts'
import type { ApiDependencies } from './context.ts'
import { Problem } from './problem.ts'

/** What opens an application's repository: its deploy key, unless another one is tried, and the host keys that people confirmed. */
export async function repositoryAccess({ db, keyring }: ApiDependencies, application: Application, tried?: Secret): Promise<RepositoryAccess> {
  const { id, organisationId, repositoryUrl } = application
  const address = parseRepositoryUrl(repositoryUrl)
  return {
    repositoryUrl,
    deployKey: tried ?? (await deployKeyOf(db, keyring, id)),
    confirmedHostKeys: await confirmedHostKeys(db, organisationId, address),
  }
}

const keyIsMissing = new Set(['access_denied', 'repository_not_found'])

/** Adds the public key to a refusal that is mended by installing it; every other error stays as it is. */
export function withDeployKey(error: unknown, { deployKeyPublic, deployKeyFingerprint }: Pick<Application, 'deployKeyPublic' | 'deployKeyFingerprint'>): unknown {
  if (!(error instanceof SourceError) || !keyIsMissing.has(error.code)) return error
  return new Problem(422, error.code, error.message, {
    errors: [{ field: error.field, message: error.message }],
    members: { deployKeyPublic, deployKeyFingerprint },
  })
}
