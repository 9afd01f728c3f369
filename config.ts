import { isIP } from 'node:net'
import { homedir } from 'node:os'
import { delimiter, join } from 'node:path'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { Secret } from './domain/secret.ts'

/** Where Temporal is and how to be let in. TLS files are paths of PEM files; `tls` null is a plain connection. */
export interface TemporalConfig {
  address: string
  namespace: string
  apiKey: Secret | null
  tls: { serverName: string | null; caFile: string | null; certFile: string | null; keyFile: string | null } | null
  /** Where people look at workflows; null means that there is no Web UI. */
  webUrl: string | null
}

/** What the API and the worker run with. */
export interface Config {
  /** Postgres 18, with the password inside: never log it. */
  databaseUrl: Secret
  temporal: TemporalConfig
  api: { host: string; port: number }
  /** The worker's own /healthz, /readyz and /metrics. */
  workerMetrics: { host: string; port: number }
  /** Proxies in front of the API, as addresses or networks; X-Forwarded-For is believed of nobody else. */
  trustedProxies: string[]
  /** Who may watch operations through one API process at the same time. */
  mostViewers: number
  /** Whom the API asks for the records of domains, `address` or `address:port`; this machine's own servers where it is empty. */
  dnsServers: string[]
  /** Asked for the images of Docker Hub; null: Docker Hub itself. */
  dockerHubMirror: string | null
  /** Where the Hetzner Cloud API is. */
  hetznerEndpoint: string
  /** The encryption keys (design section 13), a file of mode 0600. */
  keyFile: string
  /** A bundle of the workflows that was made before; null: the one that a build has put beside the worker, else one made at its start. */
  workflowBundle: string | null
  logLevel: 'debug' | 'info' | 'warn' | 'error'
}

/** What `npm start` is told: null means that it brings the part itself. */
export interface StackConfig {
  databaseUrl: Secret | null
  temporal: Omit<TemporalConfig, 'address'> & { address: string | null }
  /** A null port is the usual one, or the next that is free. */
  api: { host: string; port: number | null }
  workerMetricsHost: string
  dataDir: string
  keyFile: string | null
  temporalCli: CliSearch
}

/** Where to look for the Temporal CLI: at a configured path, in the folders of PATH, in our cache outside the checkout. */
export interface CliSearch {
  configured: string | null
  folders: string[]
  cache: string
}

/** A setting that is missing or cannot be read; `message` names every variable and what to do. */
class ConfigError extends Error {
  readonly code = 'invalid_config'
}

const file = z.string()
const address = z.string().regex(/^[^/\s]+:\d+$/, 'must be host:port')
const dnsServers = z
  .string()
  .default('')
  .transform(listed)
  .refine((servers) => servers.every(isDnsServer), 'must be IP addresses, separated by commas and with a port where it is not 53')
const trustedProxies = z
  .string()
  .default('')
  .transform(listed)
  .refine((proxies) => proxies.every(isNetwork), 'must be IP addresses or networks such as 10.0.0.0/8, separated by commas')
const dockerHubMirror = z.url({ protocol: /^https?$/, error: 'must be an address such as https://mirror.example.com' })
const hetznerEndpoint = z.url({ protocol: /^https?$/, error: 'must be an address such as https://api.hetzner.cloud/v1' })
const webUrl = z.url({ protocol: /^https?$/, error: 'must be an address such as http://127.0.0.1:8233' })
const databaseUrl = z.url({
  protocol: /^postgres(ql)?$/,
  error: 'must be an address such as postgres://user:password@host:5432/database',
})
const notAPort = 'must be a port number from 1 to 65535'
const notACount = 'must be a whole number from 1 on'
const port = z.coerce.number(notAPort).int(notAPort).min(1, notAPort).max(65_535, notAPort)
const required = (whatToDo: string) =>
  z.string({ error: ({ input }) => (input === undefined ? `is missing: ${whatToDo}` : undefined) })

const settings = z.object({
  DATABASE_URL: databaseUrl.optional(),
  TEMPORAL_ADDRESS: address.optional(),
  TEMPORAL_NAMESPACE: z.string().default('default'),
  TEMPORAL_API_KEY: z.string().optional(),
  TEMPORAL_TLS: z.enum(['true', 'false'], 'must be true or false').optional(),
  TEMPORAL_TLS_SERVER_NAME: z.string().optional(),
  TEMPORAL_TLS_SERVER_CA_CERT_PATH: file.optional(),
  TEMPORAL_TLS_CLIENT_CERT_PATH: file.optional(),
  TEMPORAL_TLS_CLIENT_KEY_PATH: file.optional(),
  KEYSTONE_TEMPORAL_WEB_URL: webUrl.optional(),
  KEYSTONE_TEMPORAL_CLI: file.optional(),
  KEYSTONE_API_HOST: z.string().default('127.0.0.1'),
  KEYSTONE_API_PORT: port.optional(),
  KEYSTONE_WORKER_METRICS_HOST: z.string().default('127.0.0.1'),
  KEYSTONE_WORKER_METRICS_PORT: port.default(4001),
  KEYSTONE_TRUSTED_PROXIES: trustedProxies,
  KEYSTONE_MOST_VIEWERS: z.coerce.number(notACount).int(notACount).min(1, notACount).default(1000),
  KEYSTONE_DNS_SERVERS: dnsServers,
  KEYSTONE_DOCKER_HUB_MIRROR: dockerHubMirror.optional(),
  KEYSTONE_HETZNER_ENDPOINT: hetznerEndpoint.default('https://api.hetzner.cloud/v1'),
  KEYSTONE_DATA_DIR: file.default('.keystone'),
  KEYSTONE_KEY_FILE: file.optional(),
  KEYSTONE_WORKFLOW_BUNDLE: file.optional(),
  PATH: z.string().default(''),
  XDG_CACHE_HOME: file.optional(),
  KEYSTONE_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error'], 'must be debug, info, warn or error').default('info'),
})

const ofProcess = settings.extend({
  DATABASE_URL: required('set it to the address of a Postgres 18, or use `npm start`, which brings its own').pipe(databaseUrl),
  TEMPORAL_ADDRESS: required('set it to host:port of a Temporal server, or use `npm start`, which brings its own').pipe(address),
  KEYSTONE_API_PORT: port.default(4000),
  KEYSTONE_KEY_FILE: required('set it to the file with the encryption keys; `npm start` makes one beside its data'),
})

type Settings = z.infer<typeof settings>
type Environment = Record<string, string | undefined>

function listed(text: string): string[] {
  return text.split(',').map((part) => part.trim()).filter((part) => part !== '')
}

function isNetwork(text: string): boolean {
  return ipaddr.isValid(text) || ipaddr.isValidCIDR(text)
}

/** `203.0.113.53`, `203.0.113.53:5353`, `2001:db8::53` or `[2001:db8::53]:5353`, as Node's resolver takes them. */
function isDnsServer(text: string): boolean {
  const [, address = text] = /^\[(.+)\](?::\d+)?$/.exec(text) ?? /^([\d.]+):\d+$/.exec(text) ?? []
  return isIP(address) !== 0
}

/** The process's own: nobody else reads it. */
export const processEnvironment: Environment = process.env

/** Settings of the API and the worker. Throws a ConfigError that names every variable at fault. */
export function loadConfig(env = processEnvironment): Config {
  const found = parse(ofProcess, env)
  return {
    databaseUrl: new Secret(found.DATABASE_URL),
    temporal: { ...temporal(found), address: found.TEMPORAL_ADDRESS },
    api: { host: found.KEYSTONE_API_HOST, port: found.KEYSTONE_API_PORT },
    workerMetrics: { host: found.KEYSTONE_WORKER_METRICS_HOST, port: found.KEYSTONE_WORKER_METRICS_PORT },
    trustedProxies: found.KEYSTONE_TRUSTED_PROXIES,
    mostViewers: found.KEYSTONE_MOST_VIEWERS,
    dnsServers: found.KEYSTONE_DNS_SERVERS,
    dockerHubMirror: found.KEYSTONE_DOCKER_HUB_MIRROR ?? null,
    hetznerEndpoint: found.KEYSTONE_HETZNER_ENDPOINT,
    keyFile: found.KEYSTONE_KEY_FILE,
    workflowBundle: found.KEYSTONE_WORKFLOW_BUNDLE ?? null,
    logLevel: found.KEYSTONE_LOG_LEVEL,
  }
}

/** Settings of `npm start`. Throws a ConfigError that names every variable at fault. */
export function loadStackConfig(env: Environment): StackConfig {
  const found = parse(settings, env)
  return {
    databaseUrl: found.DATABASE_URL === undefined ? null : new Secret(found.DATABASE_URL),
    temporal: { ...temporal(found), address: found.TEMPORAL_ADDRESS ?? null },
    api: { host: found.KEYSTONE_API_HOST, port: found.KEYSTONE_API_PORT ?? null },
    workerMetricsHost: found.KEYSTONE_WORKER_METRICS_HOST,
    dataDir: found.KEYSTONE_DATA_DIR,
    keyFile: found.KEYSTONE_KEY_FILE ?? null,
    temporalCli: {
      configured: found.KEYSTONE_TEMPORAL_CLI ?? null,
      folders: found.PATH.split(delimiter),
      cache: join(found.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'keystone'),
    },
  }
}

/** An empty variable counts as one that is not set, as Compose passes them on. */
function parse<Found>(schema: z.ZodType<Found>, env: Environment): Found {
  const parsed = schema.safeParse(Object.fromEntries(Object.entries(env).filter(([, value]) => value?.trim())))
  if (parsed.success) return parsed.data
  throw new ConfigError(parsed.error.issues.map(({ path, message }) => `${path.join('.')} ${message}`).join('\n'))
}

function temporal(found: Settings): Omit<TemporalConfig, 'address'> {
  return {
    namespace: found.TEMPORAL_NAMESPACE,
    apiKey: found.TEMPORAL_API_KEY === undefined ? null : new Secret(found.TEMPORAL_API_KEY),
    tls: tls(found),
    webUrl: found.KEYSTONE_TEMPORAL_WEB_URL ?? null,
  }
}

/** An API key or a client certificate asks for TLS by itself; TEMPORAL_TLS=false has the last word. */
function tls(found: Settings): TemporalConfig['tls'] {
  const asked = found.TEMPORAL_TLS === 'true' || found.TEMPORAL_API_KEY || found.TEMPORAL_TLS_CLIENT_CERT_PATH
  if (found.TEMPORAL_TLS === 'false' || !asked) return null
  return {
    serverName: found.TEMPORAL_TLS_SERVER_NAME ?? null,
    caFile: found.TEMPORAL_TLS_SERVER_CA_CERT_PATH ?? null,
    certFile: found.TEMPORAL_TLS_CLIENT_CERT_PATH ?? null,
    keyFile: found.TEMPORAL_TLS_CLIENT_KEY_PATH ?? null,
  }
}
