import { createHash } from 'node:crypto'
import { z } from 'zod'
import { docker } from './docker.ts'
import { imageTag, type ImageName } from './images.ts'
import { locked } from './lock.ts'
import { mirrorContainer } from './mirror.ts'

const digested = z.looseObject({ mediaType: z.string(), digest: z.string(), size: z.number() })
const manifestSchema = z.looseObject({ mediaType: z.string(), config: digested })
const indexSchema = z.object({ manifests: z.array(digested.extend({ platform: z.object({ architecture: z.string() }) })) })

const images = ['docker.distribution.manifest.v2', 'oci.image.manifest.v1'].map((type) => `application/vnd.${type}+json`)
const indexes = ['docker.distribution.manifest.list.v2', 'oci.image.index.v1'].map((type) => `application/vnd.${type}+json`)

/**
 * Puts an image on the mirror for linux/amd64 and linux/arm64, as `repository:tag`. What says that it is for arm64 has the same layers,
 * so that a machine of the lab can run it: only its configuration tells another architecture.
 */
export async function publishForTwoPlatforms(image: ImageName, repository: string, tag: string): Promise<void> {
  await locked('mirror', async () => {
    const host = await docker(['port', mirrorContainer, '5000/tcp'])
    const name = `${host}/${repository}:${tag}-amd64`
    await docker(['tag', imageTag(image), name])
    await docker(['push', '--quiet', name])
    await docker(['rmi', name])
    const registry = `http://${host}/v2/${repository}`
    const amd64 = await manifestAt(registry, `${tag}-amd64`)
    const arm64 = await twinOf(registry, amd64)
    const [mediaType = ''] = indexes
    const manifests = [
      { ...(await put(registry, `${tag}-amd64`, amd64)), platform: { os: 'linux', architecture: 'amd64' } },
      { ...(await put(registry, `${tag}-arm64`, arm64)), platform: { os: 'linux', architecture: 'arm64' } },
    ]
    await put(registry, tag, { schemaVersion: 2, mediaType, manifests })
  })
}

/** Where containerd keeps a daemon's images, what it pushes is an index of the one image. */
async function manifestAt(registry: string, reference: string): Promise<z.infer<typeof manifestSchema>> {
  const response = await fetch(`${registry}/manifests/${reference}`, { headers: { accept: [...images, ...indexes].join(', ') } })
  const json = await response.json()
  const own = indexSchema.safeParse(json).data?.manifests.find(({ platform }) => platform.architecture === 'amd64')
  return own ? manifestAt(registry, own.digest) : manifestSchema.parse(json)
}

async function twinOf(registry: string, manifest: z.infer<typeof manifestSchema>) {
  const config = z.record(z.string(), z.unknown()).parse(await (await fetch(`${registry}/blobs/${manifest.config.digest}`)).json())
  const body = JSON.stringify({ ...config, architecture: 'arm64' })
  const digest = digestOf(body)
  const begun = await fetch(`${registry}/blobs/uploads/`, { method: 'POST' })
  const place = new URL(begun.headers.get('location') ?? '', registry)
  place.searchParams.set('digest', digest)
  await expectCreated(await fetch(place, { method: 'PUT', body, headers: { 'content-type': 'application/octet-stream' } }))
  return { ...manifest, config: { ...manifest.config, digest, size: Buffer.byteLength(body) } }
}

async function put(registry: string, tag: string, manifest: { mediaType: string } & Record<string, unknown>) {
  const body = JSON.stringify(manifest)
  const { mediaType } = manifest
  await expectCreated(await fetch(`${registry}/manifests/${tag}`, { method: 'PUT', body, headers: { 'content-type': mediaType } }))
  return { mediaType, digest: digestOf(body), size: Buffer.byteLength(body) }
}

async function expectCreated(response: Response): Promise<void> {
  if (response.status !== 201) throw new Error(`${response.url} answers ${response.status}: ${await response.text()}`)
}

const digestOf = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`
