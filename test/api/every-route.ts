import type { Role } from '../../domain/access.ts'
import type { EnvironmentId, OrganisationId, ServerId } from '../../domain/ids.ts'
import { release } from '../db/rows.ts'
import { freeName, makeApplication, makeEnvironment, makeServer, makeService, someHostKey } from './scene.ts'
import type { TestApi } from './test-api.ts'

export interface EveryRoute {
  method: string
  /** As the document has it, such as `/organisations/{organisationId}/servers`. */
  path: string
  /** The least role that it is for; null outside of organisations. */
  role: Role | null
  /** Whether it needs no token. */
  isPublic: boolean
  hasBody: boolean
}

interface Operation {
  'x-required-role'?: Role
  security?: object[]
  requestBody?: object
}

/** Every operation of the OpenAPI document. */
export async function everyRoute(api: TestApi): Promise<EveryRoute[]> {
  const { paths } = (await (await api.app.request('/openapi.json')).json()) as { paths: Record<string, Record<string, Operation>> }
  return Object.entries(paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, { 'x-required-role': role = null, security, requestBody }]) => ({
      ...{ method: method.toUpperCase(), path, role, isPublic: security?.length === 0, hasBody: requestBody !== undefined },
    })),
  )
}

export type Ids = Readonly<Record<string, string>>

/** The address of a route; throws where a parameter of its path has no id here. */
export const addressOf = ({ path }: EveryRoute, ids: Ids): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
    if (ids[name] === undefined) throw new Error(`there is no ${name} for ${path}: make one in thingsOf`)
    return ids[name]
  })

export const parameters = ({ path }: EveryRoute): string[] => [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!)

/** One of everything that a path leads to, in an organisation whose owner's token this is. */
export async function thingsOf(api: TestApi, { id, root, token }: { id: OrganisationId; root: string; token: string }): Promise<Ids> {
  const within: TestApi = {
    ...api,
    ...{ root, organisationId: id },
    async make<Body = { id: string }>(path: string, body?: unknown) {
      const answer = await api.ask<Body>('POST', path, { body, token })
      if (answer.status >= 300) throw new Error(`POST ${path}: ${JSON.stringify(answer.body)}`)
      return answer.body
    },
  }
  const serverId = await makeServer(within)
  const applicationId = await makeApplication(within)
  const environmentId = await makeEnvironment(within, { applicationId, serverIds: [serverId] })
  const data = await dataOf(within, serverId, environmentId)
  return {
    ...{ organisationId: id, serverId, applicationId, environmentId, key: 'MAIL_HOST' },
    ...data,
    ...(await rowsOf(within, { serverId, environmentId, serviceId: data.serviceId! })),
    ...(await accessOf(within)),
  }
}

async function dataOf(api: TestApi, serverId: ServerId, environmentId: EnvironmentId): Promise<Ids> {
  const serviceId = await makeService(api, 'postgres', serverId)
  await makeService(api, 'caddy', serverId)
  const path = `${api.root}/environments/${environmentId}`
  const attached = await api.make<{ attachment: { id: string }; slice: { id: string }; operation: { id: string } }>(`${path}/attachments`, { serviceId, role: 'database' })
  const { route } = await api.make<{ route: { id: string } }>(`${path}/routes`, { domain: `${freeName('shop')}.example.com` })
  return { serviceId, attachmentId: attached.attachment.id, sliceId: attached.slice.id, operationId: attached.operation.id, routeId: route.id }
}

/** What only an operation makes, or a registry that answers. */
async function rowsOf(
  { database, organisationId }: TestApi,
  { serverId, environmentId, serviceId }: { serverId: ServerId; environmentId: EnvironmentId; serviceId: string },
): Promise<Ids> {
  const { db, sql } = database
  const [registry] = await sql`insert into registries (organisation_id, name, type, url) values (${organisationId}, ${freeName('registry')}, 'generic', 'https://registry.example.com') returning id`
  const [volume] = await sql`
    insert into kept_volumes (organisation_id, server_id, name, size_bytes, service_id, origin, slices)
    values (${organisationId}, ${serverId}, ${freeName('volume')}, 1, ${serviceId}, 'postgres shop-db', '[]') returning id`
  const [provider] = await sql`insert into providers (organisation_id, name, type, token, verified_at) values (${organisationId}, ${freeName('provider')}, 'hetzner', 'sealed', now()) returning id`
  return { registryId: registry!.id, providerId: provider!.id, volumeId: volume!.id, releaseId: (await release(db, environmentId)).id }
}

async function accessOf(api: TestApi): Promise<Ids> {
  const invitation = await api.make(`${api.root}/invitations`, { email: `${freeName('guest')}@example.com`, role: 'viewer' })
  const token = await api.make(`${api.root}/tokens`, { name: 'ci', scopes: ['deployer'] })
  const hostKey = await api.make(`${api.root}/git-host-keys`, { host: `${freeName('git')}.example.com`, key: someHostKey })
  const [member] = await api.database.sql`select user_id as id from memberships where organisation_id = ${api.organisationId} limit 1`
  return { invitationId: invitation.id, tokenId: token.id, gitHostKeyId: hostKey.id, userId: member!.id }
}
