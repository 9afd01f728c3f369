import { deployKeyOf } from '../db/applications.ts'
import { confirmedHostKeys } from '../db/git-host-keys.ts'
import type { DeployedEnvironment } from '../db/releases.ts'
import type { RepositoryAccess } from '../drivers/sources/driver.ts'
import { knownHosts, pinnedHostKeys } from '../drivers/sources/known-hosts.ts'
import { parseRepositoryUrl } from '../drivers/sources/repository-url.ts'
import type { PlanningDeps } from './deps.ts'

type Repository = Pick<DeployedEnvironment['application'], 'id' | 'organisationId' | 'repositoryUrl'>

/** What opens an application's repository from here. */
export async function repositoryAccess({ db, keyring }: PlanningDeps, { id, organisationId, repositoryUrl }: Repository): Promise<RepositoryAccess> {
  return {
    repositoryUrl,
    deployKey: await deployKeyOf(db, keyring, id),
    confirmedHostKeys: await confirmedHostKeys(db, organisationId, parseRepositoryUrl(repositoryUrl)),
  }
}

/** What a server reads it with; `knownHosts` is the text of such a file. */
export async function repositoryOnServer(deps: PlanningDeps, application: Repository) {
  const { repositoryUrl, deployKey, confirmedHostKeys: confirmed } = await repositoryAccess(deps, application)
  const address = parseRepositoryUrl(repositoryUrl)
  return { repositoryUrl, deployKey, knownHosts: knownHosts(address, pinnedHostKeys(address, confirmed)) }
}
