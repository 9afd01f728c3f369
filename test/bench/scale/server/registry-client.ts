import { z } from 'zod'
import { Violation } from './violation.ts'

const dockerConfig = z.object({ auths: z.record(z.string(), z.object({ auth: z.string() })) })

/** What a registry answers to a manifest that is pushed or pulled. */
interface RegistryAnswer {
  status: number
  digest: string | null
  /** The manifest: here it is the image's id alone. */
  manifest: string
}

/**
 * Asks the registry of an image, `host:port/repository:tag` or `…@sha256:…`, for its manifest or gives it one, with the login that the
 * Docker client would find in this `config.json`.
 */
export async function askRegistry(image: string, config: string, pushed: string | null): Promise<RegistryAnswer> {
  const [, host = '', repository = '', reference = ''] = /^([^/]+)\/([^@]+?)[@:]((?<=@).+|[^:/@]+)$/.exec(image) ?? []
  const { auth } = dockerConfig.parse(JSON.parse(config)).auths[host] ?? {}
  if (auth === undefined) throw new Violation(`no login for the registry of ${image}`)
  const response = await fetch(`http://${host}/v2/${repository}/manifests/${reference}`, {
    ...{ method: pushed === null ? 'GET' : 'PUT', headers: { authorization: `Basic ${auth}` }, body: pushed },
  })
  return { status: response.status, digest: response.headers.get('docker-content-digest'), manifest: await response.text() }
}
