import { eq } from 'drizzle-orm'
import { services } from '../../db/schema/index.ts'
import { recordAvailable, recordImage } from '../../db/updates.ts'
import type { EnvironmentId, ServiceId } from '../../domain/ids.ts'
import { createAuthority } from '../certificates.ts'
import { release } from '../db/rows.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import type { FakeHetzner } from '../lab/hetzner/fake.ts'
import type { Ids } from './every-route.ts'
import type { GitHost } from './git-host.ts'
import type { ImageRegistry } from './image-registry.ts'
import { freeName, makeApplication, makeEnvironment, makeReadableApplication, makeServer, makeService, serverWish, someHostKey } from './scene.ts'
import type { TestApi } from './test-api.ts'

/** Where the things of a change are: made for it alone. */
export interface ChangeScene {
  api: TestApi
  ids: Ids
  git: GitHost
  registry: ImageRegistry
  hetzner: FakeHetzner
}

/** A request that changes something: other ids than the scene's, and what else it takes. */
export interface ChangeRequest {
  ids?: Ids
  query?: string
  body?: object
  token?: string
}

type Recipe = (scene: ChangeScene) => ChangeRequest | Promise<ChangeRequest>

const below = ({ api, ids }: ChangeScene, kind: 'environment' | 'service' | 'application', what = ''): string => `${api.root}/${kind}s/${ids[`${kind}Id`]}${what}`
const freeEmail = () => `${freeName('ada')}@example.com`
const password = 'correct horse battery staple'
const image = (digit: string) => `postgres@sha256:${digit.repeat(64)}`

const setStatus = ({ api, ids }: ChangeScene, status: string) => api.database.sql`update services set status = ${status} where id = ${ids.serviceId!}`
const setReady = ({ api, ids }: ChangeScene) => api.database.sql`update service_slices set status = 'ready' where id = ${ids.sliceId!}`
const endOperations = ({ api, ids }: ChangeScene, status: string) =>
  api.database.sql`update operations set status = ${status}, finished_at = now() where id = ${ids.operationId!} or target_id = ${ids.environmentId!}`

async function readable({ api, ids, git }: ChangeScene): Promise<Ids> {
  const applicationId = await makeReadableApplication(api, git)
  return { applicationId, environmentId: await makeEnvironment(api, { applicationId, serverIds: [ids.serverId!] }) }
}

/** Its live release runs from an image that is on its server. */
async function built({ api, ids }: ChangeScene): Promise<void> {
  await isReady({ api, ids })
  await api.database.sql`update build_artifacts set server_id = ${ids.serverId!} where environment_id = ${ids.environmentId!}`
}

const isReady = ({ api, ids }: Pick<ChangeScene, 'api' | 'ids'>) => api.database.sql`update servers set status = 'active', architecture = 'amd64' where id = ${ids.serverId!}`

/** Ready for an operation of its own. */
async function readyServer(scene: ChangeScene): Promise<ChangeRequest> {
  await isReady(scene)
  return {}
}

const aProvider = async ({ api, hetzner }: ChangeScene): Promise<Ids> => ({ providerId: (await api.make(`${api.root}/providers`, providerWish(hetzner))).id })
const providerWish = ({ token }: FakeHetzner) => ({ name: freeName('hetzner'), type: 'hetzner', token })

/** One that is stored once it has answered. */
const registryWish = ({ url }: ImageRegistry) => ({ name: freeName('registry'), type: 'generic', url, insecure: 'plain_http', use: 'pull' })
const aRegistry = async ({ api, registry }: ChangeScene): Promise<Ids> => ({ registryId: (await api.make(`${api.root}/registries`, registryWish(registry))).id })

async function aMember({ api }: ChangeScene): Promise<{ userId: string; token: string }> {
  const token = await api.tokenOf('deployer')
  const { body } = await api.ask<{ user: { id: string } }>('GET', '/user', { token })
  return { userId: body.user.id, token }
}

const anInvitation = ({ api }: ChangeScene, email = freeEmail()) => api.make<{ id: string; token: string }>(`${api.root}/invitations`, { email, role: 'viewer' })

/** How each change of the document is made so that it succeeds. */
export const changes: Readonly<Record<string, Recipe>> = {
  'POST /login': async ({ api }) => {
    const token = await api.tokenOf('viewer')
    const { body } = await api.ask<{ user: { email: string } }>('GET', '/user', { token })
    await api.ask('PUT', '/user/password', { token, body: { password } })
    return { body: { email: body.user.email, password } }
  },
  'POST /registrations': async (scene) => ({ body: { token: (await anInvitation(scene)).token, name: 'Ada', password } }),
  'POST /user/logout': async (scene) => ({ token: (await aMember(scene)).token }),
  'PATCH /user': async (scene) => ({ token: (await aMember(scene)).token, body: { email: freeEmail() } }),
  'PUT /user/password': async (scene) => ({ token: (await aMember(scene)).token, body: { password } }),
  'POST /user/tokens': () => ({ body: { name: 'ci' } }),
  'DELETE /user/tokens/{tokenId}': async ({ api }) => ({ ids: { tokenId: (await api.make('/user/tokens', { name: 'ci' })).id } }),
  'POST /user/memberships': async (scene) => {
    const other = await scene.api.anotherOrganisation()
    return { body: { token: (await anInvitation(scene)).token }, token: other.token }
  },
  'DELETE /user/memberships/{organisationId}': async (scene) => ({ token: (await aMember(scene)).token }),

  'POST /organisations': () => ({ body: { name: freeName('team') } }),
  'PATCH /organisations/{organisationId}': async ({ api }) => ({ ids: { organisationId: (await api.make('/organisations', { name: freeName('team') })).id }, body: { name: freeName('team') } }),
  'DELETE /organisations/{organisationId}': async ({ api }) => ({ ids: { organisationId: (await api.make('/organisations', { name: freeName('team') })).id } }),
  'PATCH /organisations/{organisationId}/members/{userId}': async (scene) => ({ ids: { userId: (await aMember(scene)).userId }, body: { role: 'viewer' } }),
  'DELETE /organisations/{organisationId}/members/{userId}': async (scene) => ({ ids: { userId: (await aMember(scene)).userId } }),
  'POST /organisations/{organisationId}/invitations': () => ({ body: { email: freeEmail(), role: 'viewer' } }),
  'DELETE /organisations/{organisationId}/invitations/{invitationId}': () => ({}),
  'POST /organisations/{organisationId}/tokens': () => ({ body: { name: 'ci', scopes: ['viewer'] } }),
  'DELETE /organisations/{organisationId}/tokens/{tokenId}': () => ({}),
  'POST /organisations/{organisationId}/key-rotations': () => ({}),

  'POST /organisations/{organisationId}/servers': () => ({ body: serverWish() }),
  'PATCH /organisations/{organisationId}/servers/{serverId}': () => ({ body: { name: 'called-otherwise' } }),
  'POST /organisations/{organisationId}/servers/{serverId}/provision': () => ({}),
  'POST /organisations/{organisationId}/servers/{serverId}/accept-host-key': async ({ api, git }) => {
    const serverId = await makeServer(api, { address: '127.0.0.1', sshPort: git.port })
    return { ids: { serverId }, body: { fingerprint: keyFingerprint(git.hostKey) } }
  },
  'POST /organisations/{organisationId}/servers/{serverId}/harden': readyServer,
  'POST /organisations/{organisationId}/servers/{serverId}/rotate-key': readyServer,
  'POST /organisations/{organisationId}/servers/{serverId}/reboot': async (scene) => ({ ...(await readyServer(scene)), body: { acknowledgeDowntime: true } }),
  'DELETE /organisations/{organisationId}/servers/{serverId}': async ({ api }) => ({ ids: { serverId: await makeServer(api) } }),
  'POST /organisations/{organisationId}/providers': ({ hetzner }) => ({ body: providerWish(hetzner) }),
  'PATCH /organisations/{organisationId}/providers/{providerId}': async (scene) => ({ ids: await aProvider(scene), body: { token: scene.hetzner.token } }),
  'DELETE /organisations/{organisationId}/providers/{providerId}': async (scene) => ({ ids: await aProvider(scene) }),
  'POST /organisations/{organisationId}/providers/{providerId}/servers': async (scene) => ({
    ...{ ids: await aProvider(scene), body: { name: freeName('server'), location: 'fsn1', type: 'cx22', image: 'debian-13' } },
  }),
  'POST /organisations/{organisationId}/git-host-keys': () => ({ body: { host: `${freeName('git')}.example.com`, key: someHostKey } }),
  'DELETE /organisations/{organisationId}/git-host-keys/{gitHostKeyId}': () => ({}),
  'POST /organisations/{organisationId}/registries': ({ registry }) => ({ body: registryWish(registry) }),
  'PATCH /organisations/{organisationId}/registries/{registryId}': async (scene) => ({ ids: await aRegistry(scene), body: { name: freeName('registry') } }),
  'POST /organisations/{organisationId}/registries/{registryId}/verify': async (scene) => ({ ids: await aRegistry(scene) }),
  'DELETE /organisations/{organisationId}/registries/{registryId}': async (scene) => ({ ids: await aRegistry(scene) }),

  'POST /organisations/{organisationId}/applications': () => ({
    body: { name: freeName('shop'), repositoryUrl: 'git@git.example.com:team/shop.git', repositoryType: 'generic' },
  }),
  'PATCH /organisations/{organisationId}/applications/{applicationId}': () => ({ body: { defaultBranch: 'trunk' } }),
  'POST /organisations/{organisationId}/applications/{applicationId}/verify': async (scene) => ({ ids: await readable(scene) }),
  'DELETE /organisations/{organisationId}/applications/{applicationId}': async ({ api }) => ({ ids: { applicationId: await makeApplication(api) } }),
  'POST /organisations/{organisationId}/applications/{applicationId}/deploy-key-rotation': () => ({}),
  'POST /organisations/{organisationId}/applications/{applicationId}/deploy-key-rotation/complete': async (scene) => {
    const ids = await readable(scene)
    const path = `${scene.api.root}/applications/${ids.applicationId}/deploy-key-rotation`
    const { nextDeployKey } = await scene.api.make<{ nextDeployKey: { public: string } }>(path)
    scene.git.install(nextDeployKey.public)
    return { ids }
  },
  'DELETE /organisations/{organisationId}/applications/{applicationId}/deploy-key-rotation': async (scene) => {
    await scene.api.make(below(scene, 'application', '/deploy-key-rotation'))
    return {}
  },
  'PUT /organisations/{organisationId}/applications/{applicationId}/webhook-secret': () => ({}),
  'DELETE /organisations/{organisationId}/applications/{applicationId}/webhook-secret': async (scene) => {
    await scene.api.ask('PUT', below(scene, 'application', '/webhook-secret'))
    return {}
  },
  'POST /organisations/{organisationId}/applications/{applicationId}/environments': ({ ids }) => ({ body: { name: 'staging', serverIds: [ids.serverId] } }),

  'PATCH /organisations/{organisationId}/environments/{environmentId}': () => ({ body: { releaseRetention: 3 } }),
  'DELETE /organisations/{organisationId}/environments/{environmentId}': () => ({}),
  'POST /organisations/{organisationId}/environments/{environmentId}/services': () => ({ body: { name: 'jobs', role: 'worker' } }),
  'POST /organisations/{organisationId}/environments/{environmentId}/attachments': async ({ api, ids }) => ({
    body: { serviceId: await makeService(api, 'valkey', ids.serverId as never), role: 'cache' },
  }),
  'DELETE /organisations/{organisationId}/environments/{environmentId}/attachments/{attachmentId}': () => ({}),
  'POST /organisations/{organisationId}/environments/{environmentId}/routes': () => ({ body: { domain: `${freeName('shop')}.example.com` } }),
  'PUT /organisations/{organisationId}/environments/{environmentId}/routes/{routeId}/certificate': async (scene) => {
    const authority = await createAuthority()
    const domain = `${freeName('shop')}.example.com`
    const [one, two] = [await authority.issue([domain]), await authority.issue([domain])]
    const { route } = await scene.api.make<{ route: { id: string } }>(below(scene, 'environment', '/routes'), { domain, tls: 'provided', certificate: one })
    return { ids: { routeId: route.id }, body: two }
  },
  'PATCH /organisations/{organisationId}/environments/{environmentId}/routes/{routeId}': () => ({ body: { loadBalancing: 'cookie' } }),
  'DELETE /organisations/{organisationId}/environments/{environmentId}/routes/{routeId}': () => ({}),
  'PUT /organisations/{organisationId}/environments/{environmentId}/variables/{key}': () => ({ body: { value: 'smtp.example.com' } }),
  'DELETE /organisations/{organisationId}/environments/{environmentId}/variables/{key}': async (scene) => {
    await scene.api.ask('PUT', below(scene, 'environment', '/variables/MAIL_HOST'), { body: { value: 'smtp.example.com' } })
    return {}
  },
  'PATCH /organisations/{organisationId}/environments/{environmentId}/variables': () => ({ body: { variables: { MAIL_HOST: 'smtp.example.com' } } }),
  'POST /organisations/{organisationId}/environments/{environmentId}/variable-imports': () => ({ body: { content: 'MAIL_HOST=smtp.example.com\n' } }),
  'PUT /organisations/{organisationId}/environments/{environmentId}/build-secrets/{key}': () => ({ body: { value: 'secret' } }),
  'DELETE /organisations/{organisationId}/environments/{environmentId}/build-secrets/{key}': async (scene) => {
    await scene.api.ask('PUT', below(scene, 'environment', '/build-secrets/MAIL_HOST'), { body: { value: 'secret' } })
    return {}
  },
  'POST /organisations/{organisationId}/environments/{environmentId}/deployments': async (scene) => ({ ids: await readable(scene), body: {} }),
  'POST /organisations/{organisationId}/environments/{environmentId}/config-changes': async (scene) => {
    await built(scene)
    return {}
  },
  'POST /organisations/{organisationId}/environments/{environmentId}/rollbacks': async ({ api, ids }) => {
    await release(api.database.db, ids.environmentId as EnvironmentId)
    return { body: {} }
  },
  'POST /organisations/{organisationId}/environments/{environmentId}/migrations': async (scene) => {
    await scene.api.database.sql`update services set config = jsonb_set(config, '{migration,mode}', '"manual"') where environment_id = ${scene.ids.environmentId!}`
    await endOperations(scene, 'succeeded')
    return {}
  },
  'POST /organisations/{organisationId}/environments/{environmentId}/commands': async (scene) => {
    await endOperations(scene, 'succeeded')
    return { body: { command: 'php artisan about' } }
  },

  'POST /organisations/{organisationId}/services': ({ ids }) => ({ body: { driver: 'valkey', name: freeName('cache'), serverId: ids.serverId } }),
  'PATCH /organisations/{organisationId}/services/{serviceId}': () => ({ body: { cpuLimit: 1 } }),
  'DELETE /organisations/{organisationId}/services/{serviceId}': async ({ api, ids }) => ({ ids: { serviceId: await makeService(api, 'valkey', ids.serverId as never) } }),
  'POST /organisations/{organisationId}/services/{serviceId}/deployments': () => ({}),
  'POST /organisations/{organisationId}/services/{serviceId}/stop': async (scene) => {
    await setStatus(scene, 'running')
    return {}
  },
  'POST /organisations/{organisationId}/services/{serviceId}/start': async (scene) => {
    await setStatus(scene, 'stopped')
    return {}
  },
  'POST /organisations/{organisationId}/services/{serviceId}/restart': async (scene) => {
    await setStatus(scene, 'running')
    return {}
  },
  'POST /organisations/{organisationId}/services/{serviceId}/updates': async ({ api, ids }) => {
    const [{ db }, id] = [api.database, ids.serviceId as ServiceId]
    await db.update(services).set({ status: 'running' }).where(eq(services.id, id))
    await recordImage(db, id, image('a'))
    await recordAvailable(db, [id], image('b'))
    return { body: { acknowledgeDowntime: true, acknowledgeDataRisk: true } }
  },
  'POST /organisations/{organisationId}/services/{serviceId}/slices': () => ({ body: { name: freeName('reports') } }),
  'PATCH /organisations/{organisationId}/services/{serviceId}/slices/{sliceId}': async (scene) => {
    await setReady(scene)
    return { body: { config: { connectionLimit: 5 } } }
  },
  'DELETE /organisations/{organisationId}/services/{serviceId}/slices/{sliceId}': async (scene) => {
    const { slice } = await scene.api.make<{ slice: { id: string; name: string } }>(below(scene, 'service', '/slices'), { name: freeName('reports') })
    return { ids: { sliceId: slice.id }, query: `?confirm=${slice.name}` }
  },
  'POST /organisations/{organisationId}/services/{serviceId}/slices/{sliceId}/credential-rotations': async (scene) => {
    await setReady(scene)
    return {}
  },
  'DELETE /organisations/{organisationId}/kept-volumes/{volumeId}': async ({ api, ids }) => {
    const [volume] = await api.database.sql`select name from kept_volumes where id = ${ids.volumeId!}`
    return { query: `?confirm=${volume!.name}` }
  },
  'POST /organisations/{organisationId}/operations/{operationId}/cancel': () => ({}),
  'POST /organisations/{organisationId}/operations/{operationId}/retry': async (scene) => {
    await endOperations(scene, 'cancelled')
    return {}
  },
}
