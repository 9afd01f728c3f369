import { createHash } from 'node:crypto'
import type { RouteCertificate } from '../contract-gateway.ts'

/** As Caddy sees it. */
export const certificateFolder = '/etc/caddy/certificates'

/**
 * Names of a certificate's two files. Another certificate of the same route has others, so that every configuration finds the one that
 * it was written with, also when it is an older one that is returned to.
 */
export function certificateFiles({ sliceId, chain }: Pick<RouteCertificate, 'sliceId' | 'chain'>): { chain: string; privateKey: string } {
  const name = `${sliceId}-${createHash('sha256').update(chain.reveal()).digest('hex').slice(0, 16)}`
  return { chain: `${name}.crt`, privateKey: `${name}.key` }
}
