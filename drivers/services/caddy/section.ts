import { createHash } from 'node:crypto'
import { z } from 'zod'
import type { RouteInput, Section, Upstream } from '../contract-gateway.ts'
import { block, siteName, word } from './caddyfile.ts'

const path = z.string().regex(/^\/[A-Za-z0-9._~/-]*$/)

export const routeSchema = z.object({
  tls: z.enum(['automatic', 'internal', 'off', 'provided']).default('automatic'),
  /** Further domains that are redirected to the route's own, e.g. `www.` before it. */
  redirectFrom: z.array(z.string()).default([]),
  loadBalancing: z.enum(['least_conn', 'round_robin', 'random', 'ip_hash', 'cookie']).default('least_conn'),
  /** Null: upstreams are watched by what they answer only. */
  activeHealthIntervalSeconds: z.int().positive().nullable().default(null),
  websocketPath: path.default('/app'),
})
type Route = z.infer<typeof routeSchema>

/** One route's sites. The hash stands in the section itself as a variable, which Caddy shows again in its running configuration. */
export function renderSection(input: RouteInput): Section {
  const route = routeSchema.parse(input.config)
  const hash = createHash('sha256').update(sites(input, route, '')).digest('hex').slice(0, 32)
  return { text: sites(input, route, hash), hash }
}

function sites(input: RouteInput, route: Route, hash: string): string {
  const site = (domain: string) => `${route.tls === 'off' ? 'http://' : ''}${siteName(domain)}`
  const target = `${route.tls === 'off' ? 'http' : 'https'}://${siteName(input.domain)}{uri}`
  return [
    `# route ${input.sliceId}\n`,
    block(site(input.domain), [`vars keystone_section ${hash}`, ...tlsLines(route, input.sliceId), ...handlers(input, route)]),
    ...route.redirectFrom.map((domain) => block(site(domain), [...tlsLines(route, input.sliceId), `redir ${target} 308`])),
  ].join('')
}

function tlsLines({ tls }: Route, sliceId: string): string[] {
  switch (tls) {
    case 'automatic':
    case 'off':
      return []
    case 'internal':
      return ['tls internal']
    case 'provided':
      return [`tls /etc/caddy/certificates/${word(sliceId)}.crt /etc/caddy/certificates/${word(sliceId)}.key`]
    default:
      return tls satisfies never
  }
}

function handlers(input: RouteInput, route: Route): string[] {
  const web = block('handle', [forward(input, route, input.web)])
  if (input.websocket.length === 0) return [web]
  const websockets = word(route.websocketPath)
  return [`@websocket path ${websockets} ${websockets.replace(/\/$/, '')}/*`, block('handle @websocket', [forward(input, route, input.websocket)]), web]
}

/** Dial errors are tried on another upstream, or the same again, for 5 s; websockets outlive a reload by the drain window. */
function forward(input: RouteInput, route: Route, upstreams: readonly Upstream[]): string {
  if (upstreams.length === 0) return 'respond "This site has no running version at the moment." 503'
  return block(`reverse_proxy ${upstreams.map(({ host, port }) => word(`${host}:${port}`)).join(' ')}`, [
    `lb_policy ${route.loadBalancing}`,
    'lb_try_duration 5s',
    'lb_try_interval 100ms',
    'fail_duration 2s',
    'max_fails 3',
    `stream_close_delay ${input.drainWindowSeconds}s`,
    ...activeHealth(input, route),
  ])
}

function activeHealth({ healthPath }: RouteInput, { activeHealthIntervalSeconds }: Route): string[] {
  if (activeHealthIntervalSeconds === null) return []
  return [`health_uri ${word(healthPath)}`, `health_interval ${activeHealthIntervalSeconds}s`, 'health_timeout 5s']
}
