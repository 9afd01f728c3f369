import { RegistryError } from './errors.ts'

/** An image as people write it, taken apart. */
export interface ImageReference {
  /** `docker.io` where the reference names none. */
  host: string
  /** `library/postgres`, `team/shop` */
  repository: string
  /** Null only where there is a digest. */
  tag: string | null
  /** `sha256:…`; it counts more than the tag. */
  digest: string | null
}

/** The grammar of the OCI distribution specification, section "Pulling manifests". */
const component = '[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*'
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`)
const tagPattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/
const digestPattern = /^sha256:[0-9a-f]{64}$/
const hostPattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?|\[[0-9A-Fa-f:]+\])(?::\d{1,5})?$/

/**
 * Reads `[host[:port]/]repository[:tag][@digest]` as Docker does: the first part is a host if it has a dot or a colon, or is
 * `localhost`; no tag means `latest`. Throws a RegistryError `invalid_image_reference`.
 */
export function parseReference(text: string): ImageReference {
  const [name = '', digest = null, ...rest] = text.split('@')
  const slash = name.indexOf('/')
  const first = slash === -1 ? '' : name.slice(0, slash)
  const hasHost = /[.:]/.test(first) || first === 'localhost'
  const path = hasHost ? name.slice(slash + 1) : name
  const [repository = '', tag = null, ...more] = path.split(':')
  const host = hasHost ? first : 'docker.io'
  const isValid =
    rest.length === 0 &&
    more.length === 0 &&
    hostPattern.test(host) &&
    repositoryPattern.test(repository) &&
    repository.length <= 255 &&
    (tag === null || tagPattern.test(tag)) &&
    (digest === null || digestPattern.test(digest))
  if (!isValid) {
    const example = 'registry.example.com/team/shop:1.4 or registry.example.com/team/shop@sha256:…'
    throw new RegistryError('invalid_image_reference', `${JSON.stringify(text)} is not an image: write ${example}`)
  }
  const isOfficial = host === 'docker.io' && !repository.includes('/')
  return {
    host,
    repository: isOfficial ? `library/${repository}` : repository,
    tag: tag ?? (digest === null ? 'latest' : null),
    digest,
  }
}
