import { z } from 'zod'
import type { Database } from '../db/connect.ts'
import { changeSlice, type Slice } from '../db/slices.ts'
import { CertificateError, type GivenCertificate, type ReadCertificate, readCertificate } from '../drivers/services/certificate.ts'
import type { ApiDependencies } from './context.ts'
import { invalidField, Problem } from './problem.ts'

/** The domains that a route answers for: its own, then those that it redirects from. */
export function domainsOf({ domain, config }: Slice): string[] {
  if (domain === null) throw new Error('a route has a domain')
  return [domain, ...redirectsOf.parse(config).redirectFrom]
}

const redirectsOf = z.object({ redirectFrom: z.array(z.string()).default([]) })

/** The certificate that a route is to be made with. Throws a 422 where it needs one and has none, or the other way round. */
export function certificateFor(wished: {
  tls: string
  domain: string
  redirectFrom: readonly string[]
  certificate?: Omit<GivenCertificate, 'domains'> | undefined
}): ReadCertificate | null {
  const { tls, domain, redirectFrom, certificate } = wished
  if (tls === 'provided' && !certificate) throw invalidField('certificate', 'is needed with tls: provided')
  if (tls !== 'provided' && certificate) throw invalidField('certificate', 'goes with tls: provided only')
  return certificate ? taken({ ...certificate, domains: [domain, ...redirectFrom] }, 'certificate.') : null
}

/** Stores another certificate of a route; the gateway has it when it is configured again. Throws a 409 where the route serves none of its user's. */
export async function replaceCertificate(
  tx: Database,
  { keyring }: ApiDependencies,
  { route, given }: { route: Slice; given: Omit<GivenCertificate, 'domains'> },
): Promise<Slice> {
  const { id, config } = route
  if (config.tls !== 'provided') {
    throw new Problem(409, 'certificate_not_provided', `The route has tls: ${String(config.tls)}: only one with tls: provided is given certificates.`)
  }
  const { certificate, facts } = taken({ ...given, domains: domainsOf(route) }, '')
  return changeSlice(tx, keyring, { id, config: { ...config, certificate: facts }, credentials: { ...certificate } })
}

function taken(given: GivenCertificate, within: string): ReadCertificate {
  try {
    return readCertificate(given)
  } catch (error) {
    if (error instanceof CertificateError) throw invalidField(`${within}${error.field}`, error.message, 'invalid_certificate')
    throw error
  }
}
