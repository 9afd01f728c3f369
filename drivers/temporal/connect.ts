import { Client, Connection } from '@temporalio/client'
import type { Secret } from '../../domain/secret.ts'

/** Where Temporal is. With an API key (Temporal Cloud) TLS is always on. */
export interface TemporalAddress {
  address: string
  namespace: string
  tls: boolean
  apiKey: Secret | null
}

/** Options that client and worker connections share. */
export const connectionOptions = ({ address, tls, apiKey }: TemporalAddress) => ({
  address,
  ...(tls || apiKey ? { tls: true } : {}),
  ...(apiKey ? { apiKey: apiKey.reveal() } : {}),
})

/** Does not wait for Temporal: calls fail while it is away and work again when it is back. */
export function connectTemporal(target: TemporalAddress): { client: Client; connection: Connection } {
  const connection = Connection.lazy(connectionOptions(target))
  return { client: new Client({ connection, namespace: target.namespace }), connection }
}
