import { type Organisation, organisationById } from '../db/access.ts'
import { type Application, applicationOf } from '../db/applications.ts'
import { type Environment, environmentOf } from '../db/environments.ts'
import { type KeptVolume, keptVolumeOf } from '../db/kept-volumes.ts'
import { operationOf } from '../db/operation-views.ts'
import type { Operation } from '../db/operations/request.ts'
import { providerOf, type StoredProvider } from '../db/providers.ts'
import { type Registry, registryOf } from '../db/registries.ts'
import { releaseOf, type ReleaseView } from '../db/release-history.ts'
import { routeOf } from '../db/routes.ts'
import { type Server, serverOf } from '../db/servers.ts'
import { type Service, serviceOf } from '../db/services.ts'
import { type Slice, sliceOf } from '../db/slices.ts'
import { type Attachment, attachmentOf } from '../db/attachments.ts'
import type { ApplicationId, AttachmentId, EnvironmentId, OperationId, ProviderId, RegistryId, ReleaseId, ServerId, ServiceId, SliceId, VolumeId } from '../domain/ids.ts'
import type { ApiContext, ApiDependencies } from './context.ts'
import { notFound, Problem } from './problem.ts'

/** The database, or a transaction of it. */
type Queries = Pick<ApiDependencies, 'db'>

/** What the ids of a path lead to, within the organisation of the path. All throw a 404, for what belongs to others too. */

export async function organisationIn({ db }: Queries, c: ApiContext): Promise<Organisation> {
  return found(await organisationById(db, c.var.organisation.id), 'organisation')
}

/** Throws a 409 where it is to be changed while it is being removed. */
export async function serverIn({ db }: Queries, c: ApiContext, id: ServerId): Promise<Server> {
  const server = found(await serverOf(db, c.var.organisation.id, id), 'server')
  if (server.status === 'removing' && isChange(c)) throw removing('server', server)
  return server
}

export async function registryIn({ db }: Queries, c: ApiContext, id: RegistryId): Promise<Registry> {
  return found(await registryOf(db, c.var.organisation.id, id), 'registry')
}

export async function providerIn({ db }: Queries, c: ApiContext, id: ProviderId): Promise<StoredProvider> {
  return found(await providerOf(db, c.var.organisation.id, id), 'provider')
}

export async function applicationIn({ db }: Queries, c: ApiContext, id: ApplicationId): Promise<Application> {
  return found(await applicationOf(db, c.var.organisation.id, id), 'application')
}

/** Throws a 409 where it is to be changed while it is being removed. */
export async function environmentIn({ db }: Queries, c: ApiContext, id: EnvironmentId): Promise<Environment> {
  const environment = found(await environmentOf(db, c.var.organisation.id, id), 'environment')
  if (environment.status === 'removing' && isChange(c)) throw removing('environment', environment)
  return environment
}

/** Throws a 409 where a service that is being removed is to be used. */
export function refuseRemoving(service: Service): void {
  if (service.status === 'removing') throw removing('service', service)
}

const isChange = (c: ApiContext): boolean => c.req.method !== 'GET'

const removing = (kind: string, { name }: { name: string }) =>
  new Problem(409, `${kind}_removing`, `${name} is being removed: nothing of it can be changed any more.`)

/** What is to be removed; it may have begun already. */
export async function serverToRemove({ db }: Queries, c: ApiContext, id: ServerId): Promise<Server> {
  return found(await serverOf(db, c.var.organisation.id, id), 'server')
}

/** What is to be removed; it may have begun already. */
export async function environmentToRemove({ db }: Queries, c: ApiContext, id: EnvironmentId): Promise<Environment> {
  return found(await environmentOf(db, c.var.organisation.id, id), 'environment')
}

/** What is to be removed; it may have begun already. */
export async function serviceToRemove({ db }: Queries, c: ApiContext, id: ServiceId): Promise<Service> {
  return found(await serviceOf(db, c.var.organisation.id, id), 'service')
}

export async function keptVolumeIn({ db }: Queries, c: ApiContext, id: VolumeId): Promise<KeptVolume> {
  return found(await keptVolumeOf(db, c.var.organisation.id, id), 'volume')
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

/** Throws a 409 where it is to be changed while it is being removed. */
export async function serviceIn({ db }: Queries, c: ApiContext, id: ServiceId): Promise<Service> {
  const service = found(await serviceOf(db, c.var.organisation.id, id), 'service')
  if (isChange(c)) refuseRemoving(service)
  return service
}

export async function operationIn({ db }: Queries, c: ApiContext, id: OperationId): Promise<Operation> {
  return found(await operationOf(db, c.var.organisation.id, id), 'operation')
}

function found<Thing>(thing: Thing | null, name: string): Thing {
  if (thing === null) throw notFound(name)
  return thing
}
