import { createHash } from 'node:crypto'
import { z } from 'zod'
import { RegistryError } from './errors.ts'

/** Media types of what an image's name may stand for: one platform's image, or an index of several (OCI image specification 1.1). */
export const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ')

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/)
const platform = z.object({ os: z.string(), architecture: z.string() })
const annotations = z.record(z.string(), z.string()).nullish()

const indexSchema = z.object({ manifests: z.array(z.object({ digest, platform: platform.optional() })).min(1), annotations })
const imageSchema = z.object({ config: z.object({ digest }), annotations })
const configSchema = platform.extend({ config: z.object({ Labels: z.record(z.string(), z.string()).nullish() }).nullish() })

/** Docker's own way to say that an entry of an index is no image that runs, but an attestation. */
const isRunnable = ({ os }: z.infer<typeof platform>) => os !== 'unknown'

const platformText = ({ os, architecture }: z.infer<typeof platform>): string => `${os}/${architecture}`

/** An index's images, each with the platform that it is for, e.g. `linux/amd64`. */
export interface ImageIndex {
  images: readonly { digest: string; platform: string }[]
  revision: string | null
}

/** What one platform's image is described by: a blob of its own. */
export interface ImageManifest {
  configDigest: string
  revision: string | null
}

/** Reads what a registry gives for a manifest. Throws a RegistryError where it is neither an image nor an index of images. */
export function parseManifest(host: string, body: Buffer): ImageIndex | ImageManifest {
  const json = parsedJson(host, body)
  const index = indexSchema.safeParse(json).data
  if (index) {
    const images = index.manifests.flatMap((entry) => (entry.platform && isRunnable(entry.platform) ? [{ digest: entry.digest, platform: platformText(entry.platform) }] : []))
    return { images, revision: revisionIn(index.annotations) }
  }
  const image = imageSchema.safeParse(json).data
  if (!image) throw new RegistryError('protocol_error', `${host} has something else than a container image under this name`)
  return { configDigest: image.config.digest, revision: revisionIn(image.annotations) }
}

/** The platform of an image, and the commit that it says it was made from. */
export function parseImageConfig(host: string, body: Buffer): { platform: string; revision: string | null } {
  const config = configSchema.safeParse(parsedJson(host, body)).data
  if (!config) throw new RegistryError('protocol_error', `${host} has something else than a container image under this name`)
  return { platform: platformText(config), revision: revisionIn(config.config?.Labels) }
}

/** A whole commit id; what people put there besides is left alone. */
function revisionIn(texts: Readonly<Record<string, string>> | null | undefined): string | null {
  const text = texts?.['org.opencontainers.image.revision']
  return text !== undefined && /^[0-9a-f]{40}(?:[0-9a-f]{24})?$/.test(text) ? text : null
}

export const digestOf = (body: Buffer): string => `sha256:${createHash('sha256').update(body).digest('hex')}`

function parsedJson(host: string, body: Buffer): unknown {
  try {
    return JSON.parse(body.toString())
  } catch (cause) {
    throw new RegistryError('protocol_error', `${host} answers with something that is no JSON: check the address`, { cause })
  }
}
