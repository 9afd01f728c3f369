import type { z } from 'zod'
import type { Application } from '../db/applications.ts'
import { attachedServices } from '../db/attachments.ts'
import type { Database } from '../db/connect.ts'
import { type Environment, environmentServers, routedServers } from '../db/environments.ts'
import { serversOfServices } from '../db/operation-locks.ts'
import { type Server, serversAmong } from '../db/servers.ts'
import { type Service, serviceOf } from '../db/services.ts'
import { platformsToBuild } from '../domain/builds.ts'
import { type Platform, platformOf } from '../domain/images.ts'
import { serviceDriver } from '../drivers/services/registry.ts'
import type { ApiDependencies } from './context.ts'
import { type GivenImage, givenImage } from './given-image.ts'
import { invalidField, Problem } from './problem.ts'
import { refuseUnreachable } from './reach.ts'
import { repositoryAccess, withDeployKey } from './repository.ts'
import type { newDeploymentSchema } from './schemas/deployment.ts'

/** Throws a 409 or 422 where the environment cannot be built and deployed as it is set up, before anything is started. */
export async function refuseUndeployable(deps: ApiDependencies, environment: Environment): Promise<void> {
  const servers = await refuseUnplaced(deps, environment)
  if (environment.buildStrategy !== 'external_registry') await refuseUnbuildable(deps.db, environment, servers)
}

/** The same where nothing is built, as in a rollback. Answers with the environment's servers. */
export async function refuseUnplaced({ db }: ApiDependencies, environment: Environment): Promise<Server[]> {
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
  await refuseApart(db, environment)
  return servers
}

/** The one image is built on one server, and the others pull it from a registry. */
async function refuseUnbuildable(db: Database, environment: Environment, servers: readonly Server[]): Promise<void> {
  const { name, organisationId, registryId, builderServiceId } = environment
  const builder = builderServiceId === null ? null : await serviceOf(db, organisationId, builderServiceId)
  if (builder?.status === 'failed') {
    throw new Problem(409, 'builder_not_ready', `${builder.name}, which builds for ${name}, is not ready: deploy it again, or choose another builder.`)
  }
  if (registryId === null && (builder !== null || servers.length > 1)) {
    const reason = builder ? `${builder.name} builds for ${name}` : `${name} spans ${servers.length} servers`
    throw new Problem(422, 'registry_required', `${reason}, and they pull the one image from a registry: set up one first.`)
  }
  refuseMixed(environment, { servers, builder, builtOn: builder ? await serversAmong(db, organisationId, builder.serverIds) : servers.slice(0, 1) })
}

interface Built {
  servers: readonly Server[]
  builder: Service | null
  builtOn: readonly Server[]
}

/** Servers whose kind is not known yet are judged when the deploy is planned. */
function refuseMixed({ name }: Environment, { servers, builder, builtOn }: Built): void {
  const [own] = platformsOf(builtOn)
  const wanted = platformsOf(servers)
  const offered = builder && serviceDriver(builder.driverName).configured(builder.config).builder?.platforms
  if (!own || platformsToBuild(wanted, { own, offered: offered ?? null })) return
  const kinds = [...new Set([...wanted, ...(builder ? [own] : [])])].toSorted().join(' and ')
  const span = builder ? `${name} and its builder span` : `${name} spans`
  const advice = 'let a dedicated builder with all of them in config.platforms build it, or let all of them be of the same kind'
  throw new Problem(422, 'mixed_architectures', `${span} servers of ${kinds}, and its image is built for one: ${advice}.`)
}

const platformsOf = (servers: readonly Server[]): Platform[] =>
  servers.flatMap(({ architecture }) => (architecture ? [platformOf(architecture)] : []))

/** What the environment needs must be within reach of its servers, and its servers within reach of its gateways. */
async function refuseApart(db: Database, { organisationId, id, name }: Environment): Promise<void> {
  const own = await environmentServers(db, id)
  const { serverIds: routed, allowPublic: areRoutedPublicly } = await routedServers(db, id)
  for (const service of await attachedServices(db, id)) {
    const servers = await serversOfServices(db, [service.id])
    const reach =
      service.category === 'gateway'
        ? { from: servers, to: routed, allowPublic: areRoutedPublicly, wish: `${service.name} is to route to ${name}` }
        : { from: own, to: servers, allowPublic: service.allowPublic, wish: `${service.name} is to be reached by ${name}` }
    await refuseUnreachable(db, { organisationId, ...reach })
  }
}

/** What is to be deployed, and how people call it. */
export interface Version {
  /** `operations.input` */
  input: { commit: string; branch: string } | (GivenImage & { named: string })
  /** Such as `2f4c1d0`, or the name of an image. */
  label: string
}

/**
 * The version that a wish stands for at this moment: a commit to be built, or an image that was built elsewhere. Throws a 422 that names
 * the field, SourceErrors naming the branch, and RegistryErrors.
 */
export async function versionToDeploy(deps: ApiDependencies, target: DeployTarget, wished: Wish): Promise<Version> {
  const { environment } = target
  if (environment.buildStrategy === 'external_registry') return imageVersion(deps, environment, wished)
  if (wished.image !== undefined) {
    throw invalidField('image', `${environment.name} is built by Keystone: leave it out, or set buildStrategy to external_registry`)
  }
  const branch = wished.branch ?? environment.branch
  const commit = await commitToDeploy(deps, target.application, { branch, commit: wished.commit, isBranchNamed: wished.branch !== undefined })
  return { input: { commit, branch }, label: commit.slice(0, 7) }
}

type Wish = z.output<typeof newDeploymentSchema>

interface DeployTarget {
  environment: Environment
  application: Application
}

async function imageVersion(deps: ApiDependencies, environment: Environment, { branch, commit, image }: Wish): Promise<Version> {
  const [field] = Object.entries({ branch, commit }).find(([, value]) => value !== undefined) ?? []
  if (field) throw invalidField(field, `${environment.name} is not built by Keystone: name an image instead`)
  const named = image ?? environment.image
  if (named === null) throw invalidField('image', `is missing: name one here, or as the image of ${environment.name}`)
  return { input: { ...(await givenImage(deps, environment, named)), named }, label: named }
}

/** The named commit, else the head of the branch at this moment. */
async function commitToDeploy(
  deps: ApiDependencies,
  application: Application,
  { branch, commit, isBranchNamed }: { branch: string; commit: Wish['commit']; isBranchNamed: boolean },
): Promise<string> {
  if (commit && !isBranchNamed) return commit
  const head = await deps.sources.head(await repositoryAccess(deps, application), branch).catch((error: unknown) => {
    throw withDeployKey(error, application)
  })
  return commit ?? head
}
