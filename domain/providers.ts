/** Who rents machines out; each has a driver of its own in `drivers/providers`. */
export const providerTypes = ['hetzner'] as const
export type ProviderType = (typeof providerTypes)[number]

/** What a machine is to be, in the names of its provider's catalogue. */
export interface MachineChoice {
  location: string
  type: string
  image: string
  /** The private network of the organisation that it is to be in; null: none. */
  network: string | null
}
