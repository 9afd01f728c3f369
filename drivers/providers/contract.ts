import type { OrganisationId, ServerId } from '../../domain/ids.ts'
import type { MachineChoice } from '../../domain/providers.ts'
import type { Secret } from '../../domain/secret.ts'

/** Who asks a provider. */
export interface ProviderAccess {
  token: Secret
}

/** For whom a machine is; it bears both as labels, and what does not bear them is never changed or removed. */
export interface MachineOwner {
  organisationId: OrganisationId
  serverId: ServerId
}

/** The machine that a server is to have. */
export interface MachineWish extends MachineOwner, MachineChoice {
  /** What people call the server: an RFC 1123 label. */
  name: string
  /** The public key that root is logged in by. */
  loginKey: string
  /** What the machine's cloud-init is given. */
  firstBoot: Secret
}

/** A machine that runs. */
export interface Machine {
  /** The provider's own id. */
  id: string
  address: string
  /** In the wished network; null where none was wished. */
  privateAddress: string | null
}

export interface CatalogueLocation {
  name: string
  city: string
  /** ISO 3166-1 alpha-2 */
  country: string
  /** Machines of locations in one zone can be in one private network. */
  zone: string
}

/** Decimal amounts, without and with the taxes that the provider adds. */
export interface Price {
  net: string
  gross: string
}

export interface CatalogueType {
  name: string
  architecture: 'amd64' | 'arm64'
  cpus: number
  /** Whether the processors are shared with other machines. */
  cpuSharing: 'shared' | 'dedicated'
  memoryMb: number
  diskGb: number
  /** A location that is not named here does not have the type; one that is out of them at the moment has it, but not available. */
  offers: readonly { location: string; isAvailable: boolean; hourly: Price; monthly: Price }[]
}

/** An operating system that Keystone can make a server of. */
export interface CatalogueImage {
  name: string
  description: string
  architectures: readonly ('amd64' | 'arm64')[]
}

export interface Catalogue {
  /** ISO 4217 */
  currency: string
  locations: readonly CatalogueLocation[]
  types: readonly CatalogueType[]
  images: readonly CatalogueImage[]
}

/** Rents machines out. All functions throw ProviderErrors; what they throw as retryable may be asked for again, and makes nothing twice. */
export interface Provider {
  /** As people know it. */
  label: string
  /** Whether the token is known and may change something. Leaves nothing behind. */
  verify(access: ProviderAccess): Promise<void>
  catalogue(access: ProviderAccess): Promise<Catalogue>
  /**
   * Has the machine of a server running, with its key and network; what an earlier try has made is used. Where it cannot be made it is
   * removed before this throws `machine_failed`: only for a machine that was not worked with yet.
   */
  provide(access: ProviderAccess, wish: MachineWish, signal?: AbortSignal): Promise<Machine>
  /** Removes what was made for a server, and returns when it has gone; fine where there is nothing. */
  remove(access: ProviderAccess, owner: MachineOwner, signal?: AbortSignal): Promise<void>
  /** Removes the private networks that were made for an organisation and that nothing is in any more. */
  removeNetworks(access: ProviderAccess, organisationId: OrganisationId): Promise<void>
}
