import { z } from 'zod'
import type { Provider, ProviderAccess } from '../contract.ts'
import { ProviderError } from '../errors.ts'
import { readCatalogue } from './catalogue.ts'
import { createClient } from './client.ts'
import { label } from './errors.ts'
import { provideMachine, removeMachine } from './machines.ts'
import { removeEmptyNetworks } from './networks.ts'

export interface HetznerOptions {
  /** Where its API is. */
  endpoint: string
  timeoutSeconds?: number
  /** How often a machine that is being made is looked at, and how long it is waited for. */
  pollMilliseconds?: number
  longestSeconds?: number
}

export function createHetzner({ endpoint, timeoutSeconds = 20, pollMilliseconds = 2000, longestSeconds = 600 }: HetznerOptions): Provider {
  const client = ({ token }: ProviderAccess, signal?: AbortSignal) => createClient({ endpoint, timeoutSeconds, token, signal })
  const patience = (signal?: AbortSignal) => ({ pollMilliseconds, longestSeconds, signal })
  return {
    label,
    verify: async (access) => mayWrite(client(access)),
    catalogue: (access) => readCatalogue(client(access)),
    provide: (access, wish, signal) => provideMachine(client(access, signal), wish, patience(signal)),
    remove: (access, owner, signal) => removeMachine(client(access, signal), owner, patience(signal)),
    removeNetworks: (access, organisationId) => removeEmptyNetworks(client(access), organisationId),
  }
}

/** A key without a name and a key can be nobody's: it is refused for what it lacks only to those who might make one. */
async function mayWrite(client: ReturnType<typeof createClient>): Promise<void> {
  try {
    await client.ask({ method: 'POST', path: '/ssh_keys', body: {} }, z.unknown())
  } catch (error) {
    if (error instanceof ProviderError && error.code === 'invalid_input') return
    throw error
  }
  throw new ProviderError('protocol_error', `${label}: it takes what it should refuse: check the address`)
}
