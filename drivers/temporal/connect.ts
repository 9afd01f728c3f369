import { readFileSync } from 'node:fs'
import { Client, Connection } from '@temporalio/client'
import type { Secret } from '../../domain/secret.ts'

/** Where Temporal is and how to be let in. TLS files are paths of PEM files; with an API key TLS is always on. */
export interface TemporalAddress {
  address: string
  namespace: string
  apiKey: Secret | null
  tls: TlsFiles | null
}

interface TlsFiles {
  serverName: string | null
  caFile: string | null
  certFile: string | null
  keyFile: string | null
}

/** Options that client and worker connections share. Throws where a TLS file cannot be read. */
export const connectionOptions = ({ address, tls, apiKey }: TemporalAddress) => ({
  address,
  ...(tls ? { tls: tlsOptions(tls) } : {}),
  ...(apiKey ? { apiKey: apiKey.reveal(), tls: tls ? tlsOptions(tls) : true } : {}),
})

function tlsOptions({ serverName, caFile, certFile, keyFile }: TlsFiles) {
  return {
    ...(serverName ? { serverNameOverride: serverName } : {}),
    ...(caFile ? { serverRootCACertificate: readFileSync(caFile) } : {}),
    ...(certFile && keyFile ? { clientCertPair: { crt: readFileSync(certFile), key: readFileSync(keyFile) } } : {}),
  }
}

/** Does not wait for Temporal: calls fail while it is away and work again when it is back. */
export function connectTemporal(target: TemporalAddress): { client: Client; connection: Connection } {
  const connection = Connection.lazy(connectionOptions(target))
  return { client: new Client({ connection, namespace: target.namespace }), connection }
}
