import type { z } from 'zod'
import type { Secret } from '../../domain/secret.ts'
import type { SliceType } from '../../domain/services.ts'
import type { Credentials, ServiceStep, StoredConfig } from './contract-step.ts'

/** Where consumers of a service reach it: a network alias on the same server, else a private address with an assigned port. */
export interface EndpointAddress {
  host: string
  port: number
}

/** The running service in which a slice is made. */
export interface SliceTarget {
  sliceId: string
  /** Container of the service's replica in which the step runs its client. */
  containerName: string
  /** The service's own administrative credentials. */
  admin: Credentials
}

/** `ended`: connections that were ended, where that can be told. */
export interface RetiredCredentials {
  ended: number
}

/** A slice with its stored configuration and credentials. */
export interface ConfiguredSlice {
  /** Idempotent: running it twice, or over a half-made slice, gives the same slice. */
  provision(target: SliceTarget): ServiceStep<void>
  /** Makes a slice that was made by the stored config `before` what this one says, whole or not at all. */
  configure(target: SliceTarget, before: unknown): ServiceStep<void>
  /** Removes what `provision` made; fine when it is gone already. */
  remove(target: SliceTarget): ServiceStep<void>
  /** Lets these credentials in beside the present ones, and proves that they open. May be run again. */
  admit(target: SliceTarget, next: Credentials): ServiceStep<void>
  /** Lets nobody in by these credentials any more, only by the present ones, and ends the connections that have not gone by themselves. */
  retire(target: SliceTarget, other: Credentials): ServiceStep<RetiredCredentials>
  /** Variables for an attached environment; `prefix` is put before each name where given (`ANALYTICS_` → `ANALYTICS_DB_HOST`). */
  exports(input: { endpoint: EndpointAddress; prefix: string | null }): Record<string, string | Secret>
}

/** Logical sub-resources that a data service carries (specification section 12): databases in Postgres, keyspaces in Valkey. */
export interface SliceDriver {
  type: SliceType
  configSchema: z.ZodType<StoredConfig>
  /** The part of a config that people choose, now or later. */
  settingsSchema: z.ZodType<StoredConfig>
  /** A config for a new slice from a wished name; `taken` are the stored configs of the service's other slices. */
  configure(name: string, taken: readonly unknown[]): StoredConfig
  /** Fresh random credentials. */
  generateCredentials(): Credentials
  /** Fresh random ones that can be valid beside the present ones. */
  nextCredentials(present: Credentials): Credentials
  /** Throws a ZodError where config or credentials do not fit their schema. */
  configured(stored: { config: unknown; credentials: Credentials }): ConfiguredSlice
}
