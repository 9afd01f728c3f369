import { OpenAPIHono } from '@hono/zod-openapi'
import type { HttpBindings } from '@hono/node-server'
import type { Context } from 'hono'
import type { Logger } from 'pino'
import type { TokenHolder } from '../db/access.ts'
import type { Database, Sql } from '../db/connect.ts'
import type { OnceRequest } from '../db/idempotency.ts'
import type { Role } from '../domain/access.ts'
import type { OrganisationId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { DnsResolver } from '../drivers/dns/resolver.ts'
import type { Providers } from '../drivers/providers/registry.ts'
import type { RegistryDriver } from '../drivers/registries/driver.ts'
import type { SourceDriver } from '../drivers/sources/driver.ts'
import type { Remote, ServerTarget } from '../drivers/ssh/remote.ts'
import { refuseInvalid } from './invalid.ts'

/** What the API works with; everything that reaches the outside world is passed in. */
export interface ApiDependencies {
  db: Database
  /** The driver itself, for LISTEN. */
  sql: Sql
  keyring: Keyring
  sources: SourceDriver
  registries: RegistryDriver
  providers: Providers
  dns: DnsResolver
  /** Reads logs of containers on servers, with commands that change nothing; everything else on servers is the workers'. */
  ssh: { to(target: ServerTarget): Pick<Remote, 'follow'> }
  /** The host key line that an address shows; throws an SshError. */
  probeHostKey(at: { address: string; port: number }): Promise<string>
  /** Where people look at workflows; a null address means that there is no Web UI. */
  temporal: { namespace: string; webUrl: string | null }
  /** Proxies in front of the API, as addresses or networks: what they say of where a request is from is believed. */
  trustedProxies: readonly string[]
  /** Event streams at the same time; each takes a connection, and memory for what it is being sent. */
  mostViewers: number
  log: Logger
  /** Aborted when the process is about to end: event streams end then. */
  closing: AbortSignal
}

export interface ApiEnv {
  /** Of Node's server; absent where the app is asked without one. */
  Bindings: Partial<HttpBindings>
  Variables: {
    requestId: string
    log: Logger
    actor: TokenHolder
    /** The organisation of the path, with the role that the token has in it. */
    organisation: { id: OrganisationId; role: Role }
    /** The request's Idempotency-Key; null where it has none. */
    once: OnceRequest | null
  }
}

export type ApiContext = Context<ApiEnv>

/** A router whose invalid requests are answered as problems. */
export const createRouter = (): OpenAPIHono<ApiEnv> => new OpenAPIHono<ApiEnv>({ defaultHook: refuseInvalid })
