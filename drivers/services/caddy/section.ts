import { createHash } from 'node:crypto'
import { z } from 'zod'
import { certificateFacts } from '../certificate.ts'
import type { RouteInput, Section, Upstream } from '../contract-gateway.ts'
import { type Authority, block, handedOn, sectionMark, shared, siteName, word } from './caddyfile.ts'
import { certificateFiles, certificateFolder } from './certificates.ts'

/**
 * Caddy makes every handler anew with each reload, whichever site has changed, and closes a handler's upgraded connections this
 * long afterwards. So it must not be what ends them: that is the client, or the retirement of the replica behind them.
 */
const streamCloseDelay = '365d'

export const routeSchema = z.object({
  tls: z.enum(['automatic', 'internal', 'off', 'provided']).default('automatic'),
  /** What people are told of a `provided` one; itself it is in the route's credentials. */
  certificate: certificateFacts.nullable().default(null),
  /** Further domains that are redirected to the route's own, e.g. `www.` before it. */
  redirectFrom: z.array(z.string()).default([]),
  loadBalancing: z.enum(['least_conn', 'round_robin', 'random', 'ip_hash', 'cookie']).default('least_conn'),
  /** Null: upstreams are watched by what they answer only. */
  activeHealthIntervalSeconds: z.int().positive().nullable().default(null),
})
type Route = z.infer<typeof routeSchema>

/** One route's sites. The hash stands in the section itself, and the running configuration tells it (`renderCaddyfile`). */
export function renderSection(input: RouteInput, authority: Authority): Section {
  const route = routeSchema.parse(input.config)
  const tls = tlsLines(route, input, authority)
  const hash = createHash('sha256').update(sites(input, { route, tls }, '')).digest('hex').slice(0, 32)
  return { text: sites(input, { route, tls }, hash), hash }
}

function sites(input: RouteInput, { route, tls }: { route: Route; tls: readonly string[] }, hash: string): string {
  const site = (domain: string) => `${route.tls === 'off' ? 'http://' : ''}${siteName(domain)}`
  const target = `${route.tls === 'off' ? 'http' : 'https'}://${siteName(input.domain)}{uri}`
  return [
    `# route ${input.sliceId}\n`,
    block(site(input.domain), [sectionMark(hash), ...tls, ...shared, ...handlers(input, route)]),
    ...route.redirectFrom.map((domain) => block(site(domain), [...tls, ...shared, `redir ${target} 308`])),
  ].join('')
}

function tlsLines({ tls }: Route, { sliceId, certificate }: RouteInput, authority: Authority): string[] {
  switch (tls) {
    case 'automatic':
      return issuerLines(authority)
    case 'off':
      return []
    case 'internal':
      return ['tls internal']
    case 'provided': {
      if (certificate === null) throw new Error(`route ${sliceId} has no certificate`)
      const { chain, privateKey } = certificateFiles({ sliceId, ...certificate })
      return [`tls ${certificateFolder}/${word(chain)} ${certificateFolder}/${word(privateKey)}`]
    }
    default:
      return tls satisfies never
  }
}

/**
 * An authority that is named is meant for all domains. Each site says so itself: as an option for all of them (`acme_ca`) Caddy would
 * not take it for names that no public authority knows, such as `shop.internal`, and issue certificates for these on its own.
 */
function issuerLines({ directory, rootFile }: Authority): string[] {
  if (directory === null) return []
  const issuer = `issuer acme ${word(directory)}`
  return [block('tls', [rootFile === null ? issuer : block(issuer, [`trusted_roots ${word(rootFile)}`])])]
}

function handlers(input: RouteInput, route: Route): string[] {
  return [
    ...websocketHandler(input, route),
    ...assetHandlers(input, route),
    ...drainingHandler(input),
    block('handle', [forward(input, route, input.web)]),
  ]
}

function websocketHandler(input: RouteInput, route: Route): string[] {
  if (input.websocket.length === 0) return []
  const handle = block('handle @websocket', [forward(input, route, input.websocket)])
  return [`@websocket path ${below(input.websocketPaths)}`, handle]
}

/** Caddy counts the requests of those upstreams alone that its configuration names: so they are, where no request comes by. */
function drainingHandler({ draining }: RouteInput): string[] {
  if (draining.length === 0) return []
  return ['@nothing not path /*', block('handle @nothing', [`reverse_proxy ${addresses(draining)}`])]
}

/**
 * While two versions run, a page of the one may be answered by the other: an asset that an upstream does not have is asked of the
 * other versions. One of them that has gone meanwhile does not have it either. And a page of a version that a configuration does not
 * know yet may have its assets asked for on a connection that this one still holds: it hands them on to the one that follows it.
 */
function assetHandlers(input: RouteInput, route: Route): string[] {
  const { web, assetPaths, otherVersions } = input
  if (web.length === 0 || assetPaths.length === 0) return []
  const others = otherVersions.length === 0 ? ['copy_response'] : askedOfOthers(otherVersions)
  const missing = [block('handle @followed', handOn(route)), block('handle', others)]
  return [
    block('@assets', ['method GET HEAD', `path ${below(assetPaths)}`]),
    block('handle @assets', [forward(input, route, web, ['@missing status 404', block('handle_response @missing', missing)])]),
    block('handle_errors 502 503 504', ['@missing vars keystone_asset missing', 'respond @missing "No such file here." 404']),
  ]
}

function askedOfOthers([next, ...further]: RouteInput['otherVersions']): string[] {
  if (!next) return []
  const otherReplicas = next.length > 1 ? ['lb_policy round_robin', `lb_retries ${next.length - 1}`] : []
  const nested = further.length === 0 ? [] : ['@missing status 404', block('handle_response @missing', askedOfOthers(further))]
  return ['vars keystone_asset missing', block(`reverse_proxy ${addresses(next)}`, [...otherReplicas, ...nested])]
}

/** To this gateway itself, where the newest configuration takes every new connection. */
function handOn({ tls }: Route): string[] {
  const given = 'vars keystone_asset missing'
  if (tls === 'off') return [given, block('reverse_proxy 127.0.0.1:80', [`header_up ${handedOn} yes`])]
  const transport = block('transport http', ['tls_server_name {host}', 'tls_insecure_skip_verify'])
  return [given, block('reverse_proxy https://127.0.0.1:443', [`header_up ${handedOn} yes`, 'header_up Host {host}', transport])]
}

/** These paths and all below them. */
const below = (paths: readonly string[]): string =>
  paths
    .map((path) => path.replace(/\/+$/, ''))
    .flatMap((path) => (path === '' ? ['/*'] : [path, `${path}/*`]))
    .map(word)
    .join(' ')

const addresses = (upstreams: readonly Upstream[]): string => upstreams.map(({ host, port }) => word(`${host}:${port}`)).join(' ')

/** Dial errors are tried on another upstream, or the same again, for 5 s. */
function forward(input: RouteInput, route: Route, upstreams: readonly Upstream[], further: readonly string[] = []): string {
  if (upstreams.length === 0) return 'respond "This site has no running version at the moment." 503'
  return block(`reverse_proxy ${addresses(upstreams)}`, [
    `lb_policy ${route.loadBalancing}`,
    'lb_try_duration 5s',
    'lb_try_interval 100ms',
    'fail_duration 2s',
    'max_fails 3',
    `stream_close_delay ${streamCloseDelay}`,
    ...activeHealth(input, route),
    ...further,
  ])
}

function activeHealth({ healthPath }: RouteInput, { activeHealthIntervalSeconds }: Route): string[] {
  if (activeHealthIntervalSeconds === null) return []
  return [`health_uri ${word(healthPath)}`, `health_interval ${activeHealthIntervalSeconds}s`, 'health_timeout 5s']
}
