import { randomBytes } from 'node:crypto'
import type { EnvironmentId, OperationId, ServerId, ServiceId } from '../../domain/ids.ts'
import { generateDeployKey } from '../../drivers/sources/deploy-key.ts'
import type { GitHost } from './git-host.ts'
import type { TestApi } from './test-api.ts'

/** A name that nothing else has. */
export const freeName = (kind: string): string => `${kind}-${randomBytes(4).toString('hex')}`

export const rootPrivateKey = generateDeployKey('root').privateKey.reveal()
export const someHostKey = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl'

/** Of a server that nobody reaches: the API itself never connects to one whose key is confirmed. */
export const serverWish = (overrides: object = {}) => ({
  ...{ name: freeName('server'), address: `${freeName('host')}.example.com`, firstLogin: { privateKey: rootPrivateKey }, hostKey: someHostKey },
  ...overrides,
})

export interface Made<Id extends string = string> {
  id: Id
}

export interface WithOperation {
  operation: { id: OperationId; kind: string; status: string; summary: string; targetId: string }
}

/** Ends whatever is under way, so that nothing has to wait for servers that nobody provisions. */
export async function provisioned({ database: { sql } }: TestApi): Promise<void> {
  await sql`update operations set status = 'succeeded', finished_at = now() where finished_at is null`
}

let lastAddress = 0

/** An address that no other server of the tests has. */
export const freePrivateAddress = (): string => {
  lastAddress += 1
  return `10.1.${Math.floor(lastAddress / 250)}.${(lastAddress % 250) + 1}`
}

/** In one private network with all others, unless the wish says otherwise. */
export async function makeServer(api: TestApi, wish: object = { privateAddress: freePrivateAddress() }): Promise<ServerId> {
  return (await api.make<{ server: Made<ServerId> }>(`${api.root}/servers`, serverWish(wish))).server.id
}

export async function makeService(api: TestApi, driver: string, serverId: ServerId): Promise<ServiceId> {
  const made = await api.make<{ service: Made<ServiceId> }>(`${api.root}/services`, { driver, name: freeName(driver), serverId })
  return made.service.id
}

export async function makeApplication(api: TestApi, repositoryUrl = 'git@git.example.com:team/shop.git'): Promise<string> {
  return (await api.make(`${api.root}/applications`, { name: freeName('shop'), repositoryUrl, repositoryType: 'generic' })).id
}

export async function makeEnvironment(api: TestApi, wish: { applicationId?: string; serverIds?: string[] } = {}): Promise<EnvironmentId> {
  const { applicationId = await makeApplication(api), serverIds = [await makeServer(api)] } = wish
  const path = `${api.root}/applications/${applicationId}/environments`
  return (await api.make<Made<EnvironmentId>>(path, { name: 'production', serverIds })).id
}

/** An application whose repository is on the git host and open to its deploy key. */
export async function makeReadableApplication(api: TestApi, host: GitHost): Promise<string> {
  const applications = `${api.root}/applications`
  const wish = { name: freeName('shop'), repositoryUrl: host.repositoryUrl, repositoryType: 'generic' }
  const { id, deployKeyPublic } = await api.make<{ id: string; deployKeyPublic: string }>(applications, wish)
  await api.make(`${api.root}/git-host-keys`, { host: '127.0.0.1', port: host.port, key: host.hostKey })
  host.install(deployKeyPublic)
  return id
}
