import type { Environment } from '../db/environments.ts'
import { releaseBefore, type ReleaseView } from '../db/release-history.ts'
import type { ReleaseId } from '../domain/ids.ts'
import { noEarlierRelease, rollbackRefusal } from '../domain/releases.ts'
import type { ApiDependencies } from './context.ts'
import { releaseIn } from './in-organisation.ts'
import { refusedBy } from './problem.ts'

/**
 * The release to go back to: the named one, else the one before that which is live at this moment. A rollback stands for the
 * release that it brought back. Throws a 404 where the environment has none of this id, and a 409 with the reason where the
 * environment cannot go back to it.
 */
export async function releaseToGoBackTo(
  deps: ApiDependencies,
  environment: Environment,
  wished: ReleaseId | undefined,
): Promise<ReleaseView> {
  const id = wished ?? (await releaseBefore(deps.db, environment.id))
  if (!id) throw refusedBy(noEarlierRelease(environment.name))
  const named = await releaseIn(deps, environment.id, id)
  const release = named.rolledBackToId ? await releaseIn(deps, environment.id, named.rolledBackToId) : named
  const refusal = rollbackRefusal(named) ?? rollbackRefusal(release)
  if (refusal) throw refusedBy(refusal)
  return release
}
