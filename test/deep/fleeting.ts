import { z } from 'zod'
import { operationSchema, type Operation } from '../../stack/demo/operation.ts'
import type { Prepare, Stage } from './kind-stage.ts'

/** Something that comes and goes by an operation each. */
export interface Fleeting {
  /** Its id; undefined where it is not there. */
  find(stage: Stage): Promise<string | undefined>
  beginMaking(stage: Stage): Promise<Operation>
  beginRemoval(stage: Stage, id: string): Promise<Operation>
  /** What is away before it goes. */
  before?: Fleeting
  /** What is there before it comes. */
  base?: Fleeting
}

/** Begins to make it where it is not, and all that it needs is. */
export const making = (thing: Fleeting): Prepare => async (stage) => {
  await away(stage, thing)
  if (thing.base) await there(stage, thing.base)
  return () => thing.beginMaking(stage)
}

/** Begins to remove it where it is. */
export const removing = (thing: Fleeting): Prepare => async (stage) => {
  const id = await there(stage, thing)
  if (thing.before) await away(stage, thing.before)
  return () => thing.beginRemoval(stage, id)
}

/** Its id, now that it is there. */
export async function there(stage: Stage, thing: Fleeting): Promise<string> {
  const found = await thing.find(stage)
  if (found) return found
  await stage.succeeded(await thing.beginMaking(stage))
  return there(stage, thing)
}

export async function away(stage: Stage, thing: Fleeting): Promise<void> {
  if (!(await thing.find(stage))) return
  const begin = await removing(thing)(stage)
  await stage.succeeded(await begin())
}

const name = 'fleeting'
const namedSchema = z.object({ items: z.array(z.object({ id: z.string(), name: z.string() })) })

const findNamed = async ({ scene, root }: Stage, path: string) =>
  (await scene.client.get(`${root}/${path}`, namedSchema)).items.find((one) => one.name === name)?.id

interface OfService {
  find(stage: Stage): Promise<string | undefined>
  there(stage: Stage): Promise<string>
}

const statusSchema = z.object({ status: z.string() })

/** That a service is stopped. */
const standstill = (ofService: OfService): Fleeting => ({
  async find(stage) {
    const id = await ofService.find(stage)
    if (id === undefined) return undefined
    const { status } = await stage.scene.client.get(`${stage.root}/services/${id}`, statusSchema)
    return status === 'stopped' ? id : undefined
  },
  beginMaking: async (stage) => (await stage.scene.organisation.stopService(await ofService.there(stage))).operation,
  beginRemoval: async ({ scene }, id) => (await scene.organisation.startService(id)).operation,
})

const webId = async (stage: Stage) => stage.webId

/** That the application's web service is stopped. */
export const webStandstill = standstill({ find: webId, there: webId })

const findService = (stage: Stage) => findNamed(stage, 'services')

/** That such a cache is stopped. */
export const serviceStandstill: Fleeting = {
  ...standstill({ find: findService, there: (stage) => there(stage, service) }),
  get base() {
    return service
  },
}

/** A cache that nobody uses. */
export const service: Fleeting = {
  find: findService,
  beginMaking: async ({ scene }) => (await scene.organisation.createService({ driver: 'valkey', name, serverId: scene.prepared.serverId })).operation,
  beginRemoval: ({ scene }, id) => scene.organisation.removeService(id),
  before: serviceStandstill,
}

/** A volume that is kept: by the removal of such a cache, where there is none. */
export const volume: Fleeting = {
  find: async ({ scene, root }) => (await scene.client.get(`${root}/kept-volumes`, namedSchema)).items[0]?.id,
  async beginMaking(stage) {
    const begin = await removing(service)(stage)
    return begin()
  },
  async beginRemoval({ scene, root }, id) {
    const { items } = await scene.client.get(`${root}/kept-volumes`, namedSchema)
    const kept = items.find((one) => one.id === id)
    return scene.client.delete(`${root}/kept-volumes/${id}?confirm=${kept?.name}`, operationSchema)
  },
}

export const slicesOf = ({ scene }: Stage): string => `services/${scene.prepared.databaseId}/slices`

const attachmentsOf = ({ root }: Stage, environmentId: string) => `${root}/environments/${environmentId}/attachments`

const attachmentsSchema = z.object({
  items: z.array(z.object({ id: z.string(), role: z.string(), serviceId: z.string(), sliceId: z.string() })),
})

/** What an environment uses. */
export const attachments = async (stage: Stage, environmentId: string) =>
  (await stage.scene.client.get(attachmentsOf(stage, environmentId), attachmentsSchema)).items

/** The attachment of such a database to staging. */
export const attachment: Fleeting = {
  find: async (stage) => (await attachments(stage, stage.stagingId))[0]?.id,
  async beginMaking(stage) {
    const { scene, stagingId } = stage
    const wish = { serviceId: scene.prepared.databaseId, role: 'database', sliceId: await there(stage, slice) }
    return (await scene.organisation.attach(stagingId, wish)).operation
  },
  beginRemoval: (stage, id) => stage.scene.client.delete(`${attachmentsOf(stage, stage.stagingId)}/${id}`, operationSchema),
  get base() {
    return slice
  },
}

/** A database. */
export const slice: Fleeting = {
  find: (stage) => findNamed(stage, slicesOf(stage)),
  beginMaking: async (stage) =>
    (await stage.scene.client.post(`${stage.root}/${slicesOf(stage)}`, { name }, z.object({ operation: operationSchema }))).operation,
  beginRemoval: (stage, id) => stage.scene.client.delete(`${stage.root}/${slicesOf(stage)}/${id}?confirm=${name}`, operationSchema),
  before: attachment,
}

const routesOf = ({ root, visits }: Stage) => `${root}/environments/${visits.environmentId}/routes`
const routesSchema = z.object({ items: z.array(z.object({ id: z.string(), domain: z.string() })) })

const beginRoute = async ({ scene }: Stage, environmentId: string, domain: string) =>
  (await scene.organisation.route(environmentId, { domain, tls: 'off', gatewayServiceId: scene.prepared.gatewayId })).operation

/** Another route to the application. */
export const route: Fleeting = {
  find: async (stage) => (await stage.scene.client.get(routesOf(stage), routesSchema)).items.find(({ domain }) => domain === 'route.test')?.id,
  beginMaking: (stage) => beginRoute(stage, stage.visits.environmentId, 'route.test'),
  beginRemoval: (stage, id) => stage.scene.client.delete(`${routesOf(stage)}/${id}`, operationSchema),
}

/** A deployed environment of the application, with a route of its own and all that the first one uses. */
export const environment: Fleeting = {
  find: (stage) => findNamed(stage, 'environments'),
  async beginMaking(stage) {
    const { scene, visits, applicationId, succeeded } = stage
    const { organisation, prepared } = scene
    const { environmentId } = await organisation.createEnvironment(applicationId, { name, serverIds: [prepared.serverId] })
    const used = (await attachments(stage, visits.environmentId)).filter(({ role }) => role !== 'gateway')
    for (const { serviceId, role, sliceId } of used) {
      await succeeded((await organisation.attach(environmentId, { serviceId, role, sliceId })).operation)
    }
    await succeeded(await beginRoute(stage, environmentId, 'environment.test'))
    return organisation.deploy(environmentId)
  },
  beginRemoval: ({ scene }, id) => scene.organisation.removeEnvironment(id),
}
