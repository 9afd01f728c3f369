import { noRegistry, RegistryError } from './errors.ts'
import { type Answered, exchange, type ExchangeOptions } from './exchange.ts'
import { digestOf, manifestTypes, parseImageConfig, parseManifest } from './manifest.ts'
import type { ImageReference } from './reference.ts'
import { saying, type Session } from './session.ts'

/** How a registry is asked for what an image's name stands for; its rights with it. */
export const manifestQuestion = ({ repository, tag, digest }: ImageReference) => ({
  path: `/v2/${repository}/manifests/${digest ?? tag}`,
  headers: { accept: manifestTypes },
  scope: `repository:${repository}:pull`,
})

interface ReadImage {
  base: URL
  image: ImageReference
  exchanged: ExchangeOptions
}

/** Reads the parts of one image, or of others under the same name. */
export type ImageReader = ReturnType<typeof imageReader>

/** Reads the parts of an image. What a registry gives under a digest must have it (OCI distribution specification, "Pulling blobs"). */
export function imageReader(session: Session, { base, image, exchanged }: ReadImage) {
  const { host } = base
  const genuine = (body: Buffer, expected: string | null): string => {
    const digest = digestOf(body)
    if (expected === null || digest === expected) return digest
    throw new RegistryError('protocol_error', `${host} gives something else than what it has under ${expected}`)
  }

  async function manifest(reference: ImageReference) {
    const answer = await session.ask({ ...manifestQuestion(reference), method: 'GET' })
    if (answer.status !== 200) throw noImage(host, reference, answer)
    const { body, headers } = answer
    return { host, body, digest: genuine(body, reference.digest), mediaType: headers['content-type'] ?? '' }
  }

  /** Large registries hand blobs out from a store elsewhere, whose address is permission enough. */
  async function blob(digest: string): Promise<Buffer> {
    const path = `/v2/${image.repository}/blobs/${digest}`
    const asked = await session.ask({ method: 'GET', path, scope: `repository:${image.repository}:pull` })
    const store = storeOf(asked)
    const answer = store ? await exchange({ method: 'GET', url: store }, exchanged) : asked
    if (answer.status !== 200) throw noImage(host, { ...image, digest }, answer)
    genuine(answer.body, digest)
    return answer.body
  }

  /** Null where the registry gives the blob itself. A store without TLS is for registries without alone. */
  function storeOf({ status, headers: { location = '' } }: Answered): URL | null {
    if (status < 300 || status >= 400 || !URL.canParse(location, base.href)) return null
    const store = new URL(location, base)
    if (store.protocol === 'https:' || store.protocol === base.protocol) return store
    throw new RegistryError('protocol_error', `${host} keeps its blobs at ${store.origin}, which Keystone does not ask without TLS`)
  }

  return {
    manifest,
    blob,
    /** What one of an index's images says; null where there is none. */
    async revisionOf(entry: { digest: string } | undefined): Promise<string | null> {
      if (!entry) return null
      const found = parseManifest(host, (await manifest({ ...image, digest: entry.digest })).body)
      if (!('configDigest' in found)) return null
      return found.revision ?? parseImageConfig(host, await blob(found.configDigest)).revision
    },
  }
}

/** The registry has no such image, or not for this user. */
export function noImage(host: string, { repository, tag, digest }: ImageReference, answer: Answered): RegistryError {
  const name = `${repository}${digest === null ? `:${tag}` : `@${digest}`}`
  const { status } = answer
  if (status === 404) return new RegistryError('image_not_found', `${host} has no ${name}${saying(answer)}: check its name and tag`)
  if (status === 403) return new RegistryError('access_denied', `${host} does not let this user read ${repository}${saying(answer)}`)
  return noRegistry(host, status)
}
