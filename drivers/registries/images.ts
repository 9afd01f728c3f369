import { Secret } from '../../domain/secret.ts'
import type { ImageReference } from './reference.ts'
import type { RegistryAccess } from './session.ts'

/** Docker Hub's API is not where its images are said to be. */
const hub = { api: 'registry-1.docker.io', images: 'docker.io', login: 'https://index.docker.io/v1/' }

/** What stands before the first slash in the names of a registry's images: `registry.example.com:5000`, `docker.io`. */
export function imageHost(url: string): string {
  const { host } = new URL(url)
  return host === hub.api ? hub.images : host
}

/** Whether the API at this address is Docker Hub's. */
export const isDockerHub = (url: string): boolean => new URL(url).host === hub.api

/** Where the API of the registry is that an image's name names. */
export const registryUrl = (host: string): string => `https://${host === hub.images ? hub.api : host}`

/** Which of these registries an image is in: the preferred one, one whose namespace it lies under, or any at its host. */
export function registryOfImage<Registry extends { id: string; url: string; namespace: string | null }>(
  registries: readonly Registry[],
  { host, repository }: Pick<ImageReference, 'host' | 'repository'>,
  preferredId: string | null,
): Registry | undefined {
  const fitting = registries.filter(({ url }) => imageHost(url) === host)
  return (
    fitting.find(({ id }) => id === preferredId) ??
    fitting.find(({ namespace }) => namespace !== null && repository.startsWith(`${namespace}/`)) ??
    fitting[0]
  )
}

/** The full name of an image in a registry, without tag and digest, e.g. `registry.example.com/team/shop-production`. */
export function imageName({ url, namespace }: { url: string; namespace: string | null }, name: string): string {
  return [imageHost(url), ...(namespace === null ? [] : [namespace]), name].join('/')
}

/** A `config.json` of the Docker client that can log in to this registry and to no other. */
export function dockerConfig({ url, credentials }: RegistryAccess): Secret {
  const host = imageHost(url)
  const auths = credentials && {
    [host === hub.images ? hub.login : host]: {
      auth: Buffer.from(`${credentials.username}:${credentials.password.reveal()}`).toString('base64'),
    },
  }
  return new Secret(JSON.stringify({ auths: auths ?? {} }))
}
