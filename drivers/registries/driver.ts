import { noRegistry, RegistryError } from './errors.ts'
import type { ExchangeOptions } from './exchange.ts'
import { imageReader, manifestQuestion, noImage } from './image-reader.ts'
import { imageIndex, indexEntry, type PlatformImage, storeManifest } from './image-index.ts'
import { isDockerHub } from './images.ts'
import { digestOf, parseImageConfig, parseManifest } from './manifest.ts'
import type { ImageReference } from './reference.ts'
import { openSession, type RegistryAccess, saying, type Session } from './session.ts'

/** Where a push is tried. */
export interface PushCheck {
  /** What stands before an image's name, e.g. `team`; null where images lie at the top. */
  namespace: string | null
}

/** Asks image registries over their API (OCI distribution specification 1.1). All functions throw RegistryErrors. */
export interface RegistryDriver {
  /** Whether the registry takes the credentials, and where `push` is given also whether they may push there. Leaves nothing behind. */
  verify(access: RegistryAccess, push: PushCheck | null): Promise<void>
  /** The digest, `sha256:…`, that an image has at this moment; nothing is pulled. */
  resolve(access: RegistryAccess, image: ImageReference): Promise<string>
  /** The same with what it is; nothing but its description is pulled. */
  inspect(access: RegistryAccess, image: ImageReference): Promise<ImageDescription>
  /**
   * Makes the tag `image` an index of images that lie under the same name, one for each platform (OCI image specification 1.1, "Image
   * Index"); the same ones make the same digest, which is returned.
   */
  storeIndex(access: RegistryAccess, image: ImageReference, images: readonly PlatformImage[]): Promise<string>
}

/** An image as its registry describes it. */
export interface ImageDescription {
  /** `sha256:…`, of the index where it is for several platforms. */
  digest: string
  /** Such as `linux/amd64`. */
  platforms: readonly string[]
  /** The commit that it says it was made from (`org.opencontainers.image.revision`, OCI image specification, "Annotations"). */
  revision: string | null
}

/** No image has this name: an upload to it is begun and given up. */
const checkedName = 'keystone-access-check'

interface RegistryOptions extends Partial<ExchangeOptions> {
  /** Asked, as anybody may, for what is on Docker Hub; null: Docker Hub itself. */
  dockerHubMirror?: string | null
}

export function createRegistryDriver({ timeoutSeconds = 20, authorities = [], dockerHubMirror = null }: RegistryOptions = {}): RegistryDriver {
  const exchanged = { timeoutSeconds, authorities }
  const session = (access: RegistryAccess) => openSession(access, exchanged)
  const nearest = (access: RegistryAccess): RegistryAccess =>
    dockerHubMirror !== null && isDockerHub(access.url) ? { url: dockerHubMirror, credentials: null } : access
  return {
    async verify(access, push) {
      const { host } = new URL(access.url)
      const opened = session(access)
      const { status } = await opened.ask({ method: 'GET', path: '/v2/' })
      if (status === 403) throw new RegistryError('access_denied', `${host} forbids this user to use it: ask its operator`)
      if (status !== 200) throw noRegistry(host, status)
      if (push) await tryPush(opened, host, push)
    },

    async resolve(named, image) {
      const access = nearest(named)
      const { host } = new URL(access.url)
      const opened = session(access)
      const question = manifestQuestion(image)
      // HEAD, which Docker Hub does not count as a pull.
      const head = await opened.ask({ ...question, method: 'HEAD' })
      if (head.status === 200 && isDigest(head.headers['docker-content-digest'])) return head.headers['docker-content-digest']
      const answer = await opened.ask({ ...question, method: 'GET' })
      if (answer.status !== 200) throw noImage(host, image, answer)
      return digestOf(answer.body)
    },

    async inspect(named, image) {
      const access = nearest(named)
      const { host } = new URL(access.url)
      const reader = imageReader(session(access), { base: new URL(access.url), image, exchanged })
      const { body, digest } = await reader.manifest(image)
      const manifest = parseManifest(host, body)
      if ('configDigest' in manifest) {
        const { platform, revision } = parseImageConfig(host, await reader.blob(manifest.configDigest))
        return { digest, platforms: [platform], revision: manifest.revision ?? revision }
      }
      const platforms = manifest.images.map(({ platform }) => platform)
      return { digest, platforms, revision: manifest.revision ?? (await reader.revisionOf(manifest.images[0])) }
    },

    async storeIndex(access, image, images) {
      const opened = session(access)
      const reader = imageReader(opened, { base: new URL(access.url), image, exchanged })
      const entries = await Promise.all(images.map((part) => indexEntry(reader, { ...part, image })))
      return storeManifest(opened, { host: new URL(access.url).host, image, index: imageIndex(entries) })
    },
  }
}

/** Begins an upload and gives it up: the one thing that only those may do who may push. */
async function tryPush(session: Session, host: string, { namespace }: PushCheck): Promise<void> {
  const repository = [...(namespace === null ? [] : [namespace]), checkedName].join('/')
  const scope = `repository:${repository}:pull,push`
  const where = namespace === null ? 'images' : `images under ${namespace}`
  const begun = await session.ask({ method: 'POST', path: `/v2/${repository}/blobs/uploads/`, scope }).catch((error: unknown) => {
    throw error instanceof RegistryError && error.code === 'access_denied' ? noPush(host, where, '', error) : error
  })
  if (begun.status === 403 || begun.status === 404) throw noPush(host, where, saying(begun))
  if (begun.status !== 202) throw noRegistry(host, begun.status)
  const location = new URL(begun.headers.location ?? '', `https://${host}/`)
  // A registry that does not let go of it drops it by itself after a while.
  await session.ask({ method: 'DELETE', path: `${location.pathname}${location.search}`, scope }).catch(() => {})
}

const isDigest = (text: string | string[] | undefined): text is string => typeof text === 'string' && /^sha256:[0-9a-f]{64}$/.test(text)

const noPush = (host: string, where: string, said: string, cause?: unknown): RegistryError =>
  new RegistryError('access_denied', `${host} does not let this user push ${where}${said}: give it the right to write there, or choose another namespace`, { cause })
