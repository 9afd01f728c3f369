import type { Environment } from '../db/environments.ts'
import { serviceOf } from '../db/services.ts'
import type { OrganisationId, ServiceId } from '../domain/ids.ts'
import { parseReference } from '../drivers/registries/reference.ts'
import type { ApiDependencies } from './context.ts'
import { invalidField } from './problem.ts'

/** Where an environment's image comes from (specification section 6). */
export type BuildSource = Pick<Environment, 'buildStrategy' | 'builderServiceId' | 'image'>

/** What people say of it; what is left out stays. */
export type BuildSourceWish = { [Setting in keyof BuildSource]?: BuildSource[Setting] | undefined }

/** What a new environment has unless it says otherwise. */
export const ownServer: BuildSource = { buildStrategy: 'target_server', builderServiceId: null, image: null }

/**
 * The settings that follow from a wish; those of another strategy are dropped with it. Throws a 422 that names the field where one is
 * missing or belongs to another strategy, and a RegistryError for an image that cannot be read.
 */
export async function buildSource(
  { db }: Pick<ApiDependencies, 'db'>,
  organisationId: OrganisationId,
  { wished, current }: { wished: BuildSourceWish; current: BuildSource },
): Promise<BuildSource> {
  const { buildStrategy = current.buildStrategy } = wished
  if (buildStrategy !== 'dedicated_builder' && wished.builderServiceId) throw belongsTo('builderServiceId', 'dedicated_builder')
  if (buildStrategy !== 'external_registry' && wished.image) throw belongsTo('image', 'external_registry')
  switch (buildStrategy) {
    case 'target_server':
      return ownServer
    case 'dedicated_builder': {
      const id = wished.builderServiceId === undefined ? current.builderServiceId : wished.builderServiceId
      return { ...ownServer, buildStrategy, builderServiceId: await builderAmong({ db }, organisationId, id) }
    }
    case 'external_registry': {
      const image = wished.image === undefined ? current.image : wished.image
      if (image !== null) parseReference(image)
      return { ...ownServer, buildStrategy, image }
    }
    default:
      return buildStrategy satisfies never
  }
}

const belongsTo = (field: string, strategy: BuildSource['buildStrategy']) =>
  invalidField(field, `is for the build strategy ${strategy} alone: set buildStrategy to that, or leave it out`)

async function builderAmong({ db }: Pick<ApiDependencies, 'db'>, organisationId: OrganisationId, id: ServiceId | null): Promise<ServiceId> {
  if (id === null) throw invalidField('builderServiceId', 'is missing: name the service that is to build (POST a service with the driver buildkit)')
  const service = await serviceOf(db, organisationId, id)
  if (service?.category !== 'builder') throw invalidField('builderServiceId', 'this organisation has no builder of this id')
  return id
}
