import { type Organisation, organisationById } from '../db/access.ts'
import { type Application, applicationOf } from '../db/applications.ts'
import { type Environment, environmentOf } from '../db/environments.ts'
import { operationOf } from '../db/operation-views.ts'
import type { Operation } from '../db/operations/request.ts'
import { type Registry, registryOf } from '../db/registries.ts'
import { releaseOf, type ReleaseView } from '../db/release-history.ts'
import { routeOf } from '../db/routes.ts'
import { type Server, serverOf } from '../db/servers.ts'
import { type Service, serviceOf } from '../db/services.ts'
import { type Slice, sliceOf } from '../db/slices.ts'
import { type Attachment, attachmentOf } from '../db/attachments.ts'
import type { ApplicationId, AttachmentId, EnvironmentId, OperationId, RegistryId, ReleaseId, ServerId, ServiceId, SliceId } from '../domain/ids.ts'
import type { ApiContext, ApiDependencies } from './context.ts'
import { notFound } from './problem.ts'

/** The database, or a transaction of it. */
type Queries = Pick<ApiDependencies, 'db'>

/** What the ids of a path lead to, within the organisation of the path. All throw a 404, for what belongs to others too. */

export async function organisationIn({ db }: Queries, c: ApiContext): Promise<Organisation> {
  return found(await organisationById(db, c.var.organisation.id), 'organisation')
}

export async function serverIn({ db }: Queries, c: ApiContext, id: ServerId): Promise<Server> {
  return found(await serverOf(db, c.var.organisation.id, id), 'server')
}

export async function registryIn({ db }: Queries, c: ApiContext, id: RegistryId): Promise<Registry> {
  return found(await registryOf(db, c.var.organisation.id, id), 'registry')
}

export async function applicationIn({ db }: Queries, c: ApiContext, id: ApplicationId): Promise<Application> {
  return found(await applicationOf(db, c.var.organisation.id, id), 'application')
}

export async function environmentIn({ db }: Queries, c: ApiContext, id: EnvironmentId): Promise<Environment> {
  return found(await environmentOf(db, c.var.organisation.id, id), 'environment')
}

/** Of this very environment: a release of another one is not found. */
export async function releaseIn({ db }: Queries, environmentId: EnvironmentId, id: ReleaseId): Promise<ReleaseView> {
  return found(await releaseOf(db, environmentId, id), 'release')
}

/** Of this very environment. */
export async function routeIn({ db }: Queries, environmentId: EnvironmentId, id: SliceId): Promise<Slice> {
  return found(await routeOf(db, environmentId, id), 'route')
}

/** Of this very environment. */
export async function attachmentIn({ db }: Queries, environmentId: EnvironmentId, id: AttachmentId): Promise<Attachment> {
  return found(await attachmentOf(db, environmentId, id), 'attachment')
}

/** Of this very service. */
export async function sliceIn({ db }: Queries, serviceId: ServiceId, id: SliceId): Promise<Slice> {
  return found(await sliceOf(db, serviceId, id), 'slice')
}

export async function serviceIn({ db }: Queries, c: ApiContext, id: ServiceId): Promise<Service> {
  return found(await serviceOf(db, c.var.organisation.id, id), 'service')
}

export async function operationIn({ db }: Queries, c: ApiContext, id: OperationId): Promise<Operation> {
  return found(await operationOf(db, c.var.organisation.id, id), 'operation')
}

function found<Thing>(thing: Thing | null, name: string): Thing {
  if (thing === null) throw notFound(name)
  return thing
}
