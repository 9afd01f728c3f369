import { noRegistry, RegistryError } from './errors.ts'
import type { ImageReader } from './image-reader.ts'
import { digestOf, parseManifest } from './manifest.ts'
import type { ImageReference } from './reference.ts'
import { saying, type Session } from './session.ts'

/** An image in a registry that is for one platform. */
export interface PlatformImage {
  /** `linux/arm64` */
  platform: string
  /** `sha256:…`, of its manifest, or of an index with it, as Docker pushes where containerd keeps its images. */
  digest: string
}

/** A descriptor of the OCI image specification 1.1, "OCI Content Descriptors". */
interface IndexEntry {
  mediaType: string
  size: number
  digest: string
  platform: { os: string; architecture: string }
}

/** What an index says of one of its images. Throws a RegistryError where the registry does not have it for the platform. */
export async function indexEntry(
  reader: ImageReader,
  { platform, digest, image }: PlatformImage & { image: ImageReference },
): Promise<IndexEntry> {
  const { body, mediaType, host } = await reader.manifest({ ...image, digest })
  const manifest = parseManifest(host, body)
  if ('configDigest' in manifest) {
    const [os = '', architecture = ''] = platform.split('/')
    return { mediaType, size: body.length, digest, platform: { os, architecture } }
  }
  const own = manifest.images.find((entry) => entry.platform === platform)
  if (!own || own.digest === digest) throw new RegistryError('image_not_found', `${host} has ${image.repository}@${digest}, but not for ${platform}`)
  return indexEntry(reader, { platform, digest: own.digest, image })
}

/** Docker's own kind of index goes with Docker's own kind of manifests: not every registry takes them mixed. */
export function imageIndex(entries: readonly IndexEntry[]): { mediaType: string; body: Buffer } {
  const isDocker = entries.some(({ mediaType }) => mediaType.startsWith('application/vnd.docker.'))
  const mediaType = isDocker ? 'application/vnd.docker.distribution.manifest.list.v2+json' : 'application/vnd.oci.image.index.v1+json'
  return { mediaType, body: Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, manifests: entries })) }
}

interface NewManifest {
  host: string
  image: ImageReference
  index: { mediaType: string; body: Buffer }
}

/** Puts a manifest under its tag (OCI distribution specification 1.1, "Pushing Manifests") and returns its digest. */
export async function storeManifest(session: Session, { host, image: { repository, tag }, index }: NewManifest): Promise<string> {
  const answer = await session.ask({
    ...{ method: 'PUT', path: `/v2/${repository}/manifests/${tag}`, scope: `repository:${repository}:pull,push` },
    ...{ headers: { 'content-type': index.mediaType }, body: index.body },
  })
  if (answer.status === 201) return digestOf(index.body)
  if (answer.status !== 403 && answer.status !== 404) throw noRegistry(host, answer.status)
  throw new RegistryError('access_denied', `${host} does not let this user push ${repository}${saying(answer)}`)
}
