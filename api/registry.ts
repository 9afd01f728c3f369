import { type RegistryLogin, registryOf, type RegistrySettings } from '../db/registries.ts'
import type { RegistryId } from '../domain/ids.ts'
import { Secret } from '../domain/secret.ts'
import type { ApiContext, ApiDependencies } from './context.ts'
import { invalidField } from './problem.ts'

/** What people say of a registry; what is left out is a matter of its type, or stays. */
export interface RegistryWish {
  name: string
  type: RegistrySettings['type']
  url?: string | undefined
  namespace?: string | null | undefined
  username?: string | null | undefined
  password?: string | null | undefined
  insecure: RegistrySettings['insecure']
  use: RegistrySettings['use']
}

/** Where the API of a well-known registry is; Docker Hub's is not where its web pages are. */
const wellKnown: Partial<Record<RegistrySettings['type'], string>> = {
  ghcr: 'https://ghcr.io',
  docker_hub: 'https://registry-1.docker.io',
}

/** The settings that follow from a wish. `login`: the one that is stored. Throws a 422 that names the field. */
export function registrySettings(wish: RegistryWish, login: RegistryLogin = null): RegistrySettings {
  const { name, type, insecure, use } = wish
  const url = wish.url ?? wellKnown[type]
  if (url === undefined) throw invalidField('url', `say where the ${type} registry is, such as https://registry.example.com`)
  if (url.startsWith('http:') && insecure === 'no') {
    throw invalidField('url', 'the password would travel unencrypted: use https, or set insecure to plain_http where that is bearable')
  }
  if (url.startsWith('https:') && insecure === 'plain_http') throw invalidField('insecure', 'is plain_http, but the url is https: let one of them go')
  const settings = { name, type, url, insecure, use, login: loginOf(wish, login) }
  return { ...settings, namespace: wish.namespace === undefined ? ownNamespace(settings) : wish.namespace }
}

function loginOf({ username, password }: RegistryWish, stored: RegistryLogin): RegistryLogin {
  const name = username === undefined ? (stored?.username ?? null) : username
  const secret = password === undefined ? (name === stored?.username ? stored.password : null) : password === null ? null : new Secret(password)
  if (name === null && secret === null) return null
  if (name === null) throw invalidField('username', 'is missing: a password needs one')
  if (secret === null) throw invalidField('password', 'is missing: a user name needs one')
  return { username: name, password: secret }
}

/** On Docker Hub images lie under their user's name unless people say otherwise. */
const ownNamespace = ({ type, login }: Pick<RegistrySettings, 'type' | 'login'>): string | null =>
  type === 'docker_hub' && login ? login.username.toLowerCase() : null

/** A registry that images of an environment are to be stored in: of this organisation, and for pushing. Throws a 422. */
export async function refuseRegistry({ db }: ApiDependencies, c: ApiContext, id: RegistryId | null | undefined): Promise<void> {
  if (!id) return
  const registry = await registryOf(db, c.var.organisation.id, id)
  if (!registry) throw invalidField('registryId', 'this organisation has no registry of this id')
  if (registry.use === 'pull') throw invalidField('registryId', `${registry.name} is only pulled from: let Keystone push there (use: push), or choose another`)
}

/** Asks the registry itself whether it takes the login, for pushing where that is what it is for. Throws a RegistryError. */
export async function verifyRegistry({ registries }: ApiDependencies, { url, namespace, use, login }: RegistrySettings): Promise<void> {
  await registries.verify({ url, credentials: login }, use === 'push' ? { namespace } : null)
}
