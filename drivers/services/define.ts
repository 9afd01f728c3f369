import type { z } from 'zod'
import type { ConfiguredService, ServiceDriver } from './contract.ts'
import type { Credentials, StoredConfig } from './contract-step.ts'
import type { ConfiguredSlice, SliceDriver } from './contract-slices.ts'

type ServiceDefinition<Config extends StoredConfig> = Omit<ServiceDriver, 'configSchema' | 'configured' | 'refuseChange'> & {
  configSchema: z.ZodType<Config>
  /** Left out: every setting can change. */
  refuseChange?(from: Config, to: Config): ReturnType<ServiceDriver['refuseChange']>
  configured(config: Config): Omit<ConfiguredService, 'config'>
}

/** Turns a driver of its own types into one that takes stored JSON and parses it itself. */
export function defineService<Config extends StoredConfig>(definition: ServiceDefinition<Config>): ServiceDriver {
  return {
    ...definition,
    refuseChange: (from, to) => definition.refuseChange?.(definition.configSchema.parse(from), definition.configSchema.parse(to)) ?? null,
    configured(stored) {
      const config = definition.configSchema.parse(stored)
      return { config, ...definition.configured(config) }
    },
  }
}

type SliceDefinition<Config extends StoredConfig, Access> = Omit<SliceDriver, 'configSchema' | 'configure' | 'nextCredentials' | 'configured'> & {
  configSchema: z.ZodType<Config>
  credentialsSchema: z.ZodType<Access>
  configure(name: string, taken: readonly Config[]): Config
  nextCredentials(present: Access): Credentials
  configured(config: Config, credentials: Access): ConfiguredSlice
}

/** The same for slices: config and credentials are parsed where they come in. */
export function defineSlices<Config extends StoredConfig, Access>(definition: SliceDefinition<Config, Access>): SliceDriver {
  const { configSchema, credentialsSchema } = definition
  return {
    ...definition,
    configure: (name, taken) => definition.configure(name, taken.map((config) => configSchema.parse(config))),
    nextCredentials: (present) => definition.nextCredentials(credentialsSchema.parse(present)),
    configured: ({ config, credentials }: { config: unknown; credentials: Credentials }) =>
      definition.configured(configSchema.parse(config), credentialsSchema.parse(credentials)),
  }
}
