import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const digestOf = (text: string): string => `sha256:${createHash('sha256').update(text).digest('hex')}`

/** An image as people build it. */
export interface FakeImage {
  architectures: readonly string[]
  labels?: Readonly<Record<string, string>>
}

/** A registry that anybody may read from. It has the images that a test puts there; a real one is asked in `test/drivers/registries`. */
export interface ImageRegistry {
  url: string
  /** `127.0.0.1:port`, as it stands in the names of its images. */
  host: string
  /** Puts an image there under a tag, and returns its digest. */
  put(repository: string, tag: string, image: FakeImage): string
  /** Where blobs are given out from; null: by the registry itself. */
  store: string | null
  close(): void
}

export async function openImageRegistry(): Promise<ImageRegistry> {
  const contents = new Map<string, string>()
  const server = createServer(({ url = '', method }, answer) => {
    const content = url === '/v2/' ? '{}' : contents.get(url)
    if (content === undefined) return answer.writeHead(404).end()
    if (registry.store !== null && url.includes('/blobs/')) return answer.writeHead(307, { location: `${registry.store}${url}` }).end()
    answer.writeHead(200, { 'docker-content-digest': digestOf(content) }).end(method === 'HEAD' ? '' : content)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`

  const store = (path: string, text: string) => {
    contents.set(`${path}/${digestOf(text)}`, text)
    return digestOf(text)
  }
  const registry: ImageRegistry = {
    url: `http://${host}`,
    host,
    store: null,
    put(repository, tag, { architectures, labels = {} }) {
      const manifests = architectures.map((architecture) => {
        const config = store(`/v2/${repository}/blobs`, JSON.stringify({ os: 'linux', architecture, config: { Labels: labels } }))
        const text = JSON.stringify({ schemaVersion: 2, config: { digest: config }, layers: [] })
        return { text, digest: store(`/v2/${repository}/manifests`, text), platform: { os: 'linux', architecture } }
      })
      const attestation = { digest: digestOf('attestation'), platform: { os: 'unknown', architecture: 'unknown' } }
      const entries = [...manifests.map(({ digest, platform }) => ({ digest, platform })), attestation]
      const text = manifests.length === 1 ? manifests[0]!.text : JSON.stringify({ schemaVersion: 2, manifests: entries })
      contents.set(`/v2/${repository}/manifests/${tag}`, text)
      return store(`/v2/${repository}/manifests`, text)
    },
    close: () => void server.close(),
  }
  return registry
}
