import type { z } from 'zod'
import type { Application } from '../db/applications.ts'
import { attachedServices } from '../db/attachments.ts'
import type { Database } from '../db/connect.ts'
import { type Environment, environmentServers, routedServers } from '../db/environments.ts'
import { serversOfServices } from '../db/operation-locks.ts'
import { serversAmong } from '../db/servers.ts'
import type { ApiDependencies } from './context.ts'
import { Problem } from './problem.ts'
import { refuseUnreachable } from './reach.ts'
import { repositoryAccess, withDeployKey } from './repository.ts'
import type { newDeploymentSchema } from './schemas/deployment.ts'

/** Throws a 409 or 422 where the environment cannot be deployed as it is set up, before anything is started. */
export async function refuseUndeployable({ db }: ApiDependencies, environment: Environment): Promise<void> {
  const { organisationId, name } = environment
  const servers = await serversAmong(db, organisationId, await environmentServers(db, environment.id))
  if (servers.length === 0) {
    throw new Problem(
      409,
      'environment_without_servers',
      `${name} has no server: create it with serverIds, or add a service to it.`,
    )
  }
  const failed = servers.find(({ status }) => status === 'failed')
  if (failed) {
    throw new Problem(409, 'server_not_ready', `${failed.name} is not ready, since its provisioning failed: provision it again.`)
  }
  if (servers.length > 1 && environment.registryId === null) {
    const detail = `${name} spans ${servers.length} servers, and they pull the one image from a registry: set up one first.`
    throw new Problem(422, 'registry_required', detail)
  }
  await refuseApart(db, environment)
  const architectures = [...new Set(servers.flatMap(({ architecture }) => architecture ?? []))]
  if (architectures.length > 1) {
    const detail = `${name} spans servers of ${architectures.toSorted().join(' and ')}, and its image is built for one: let all of them be of the same kind.`
    throw new Problem(422, 'mixed_architectures', detail)
  }
}

/** What the environment needs must be within reach of its servers, and its servers within reach of its gateways. */
async function refuseApart(db: Database, { organisationId, id, name }: Environment): Promise<void> {
  for (const service of await attachedServices(db, id)) {
    const servers = await serversOfServices(db, [service.id])
    const reach =
      service.category === 'gateway'
        ? { from: servers, to: await routedServers(db, id), wish: `${service.name} is to route to ${name}` }
        : { from: await environmentServers(db, id), to: servers, wish: `${service.name} is to be reached by ${name}` }
    await refuseUnreachable(db, { organisationId, ...reach })
  }
}

/** The commit to deploy: the named one, else the head of the branch at this moment. Throws SourceErrors naming the branch. */
export async function commitToDeploy(
  deps: ApiDependencies,
  application: Application,
  { branch, commit, isBranchNamed }: { branch: string; commit: z.output<typeof newDeploymentSchema>['commit']; isBranchNamed: boolean },
): Promise<string> {
  if (commit && !isBranchNamed) return commit
  const head = await deps.sources.head(await repositoryAccess(deps, application), branch).catch((error: unknown) => {
    throw withDeployKey(error, application)
  })
  return commit ?? head
}
