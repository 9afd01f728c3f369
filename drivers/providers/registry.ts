import type { ProviderType } from '../../domain/providers.ts'
import type { Provider } from './contract.ts'
import { createHetzner, type HetznerOptions } from './hetzner/driver.ts'

/** Every provider that there is. */
export type Providers = Readonly<Record<ProviderType, Provider>>

export const createProviders = (options: { hetzner: HetznerOptions }): Providers => ({
  hetzner: createHetzner(options.hetzner),
})
