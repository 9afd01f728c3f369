import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto'
import { isIP } from 'node:net'
import { z } from 'zod'
import { askedName } from '../../domain/dns.ts'
import { Secret } from '../../domain/secret.ts'
import type { Certificate } from './contract-gateway.ts'

/** What people are told of a certificate that they gave. */
export const certificateFacts = z.object({
  /** Domains and addresses that it is for. */
  names: z.array(z.string()),
  issuer: z.string(),
  validFrom: z.iso.datetime(),
  validUntil: z.iso.datetime(),
  /** SHA-256, as browsers show it. */
  fingerprint: z.string(),
})
type CertificateFacts = z.infer<typeof certificateFacts>

/** A certificate that a gateway could not serve; `field` is at fault. */
export class CertificateError extends Error {
  override readonly name = 'CertificateError'
  readonly field: 'chain' | 'privateKey'

  constructor(field: CertificateError['field'], message: string) {
    super(message)
    this.field = field
  }
}

/** A certificate as a user gives it, PEM, and the domains that it is to be served for. */
export interface GivenCertificate {
  chain: string
  privateKey: string
  domains: readonly string[]
}

export interface ReadCertificate {
  certificate: Certificate
  facts: CertificateFacts
}

/**
 * Checks that every browser which trusts the issuer would be content: the chain is in order (RFC 8446, section 4.4.2), the key is the
 * certificate's, all domains are covered and it is valid at this moment. Returns it without what else the texts held. Throws a
 * CertificateError.
 */
export function readCertificate({ chain, privateKey, domains }: GivenCertificate): ReadCertificate {
  if (chain.includes('PRIVATE KEY-----')) throw new CertificateError('chain', 'holds a private key: give that as privateKey')
  const [own, ...issuers] = certificatesIn(chain)
  if (!own) throw new CertificateError('chain', 'must hold certificates in PEM, the domain’s own first')
  requireOrder([own, ...issuers])
  requireValid(own)
  for (const domain of domains) requireCovered(own, domain)
  const key = keyIn(privateKey)
  if (!own.checkPrivateKey(key)) throw new CertificateError('privateKey', 'is the key of another certificate')
  const texts = { chain: [own, ...issuers].join(''), privateKey: key.export({ type: 'pkcs8', format: 'pem' }).toString() }
  return { certificate: { chain: new Secret(texts.chain), privateKey: new Secret(texts.privateKey) }, facts: factsOf(own) }
}

/** The certificates of a PEM text in their order; none where it holds none or one that cannot be read. */
export function certificatesIn(pem: string): X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? []
  try {
    return blocks.map((block) => new X509Certificate(block))
  } catch {
    return []
  }
}

function requireOrder(chain: readonly X509Certificate[]): void {
  for (const [index, certificate] of chain.slice(0, -1).entries()) {
    const issuer = chain[index + 1]
    if (issuer && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey)) continue
    throw new CertificateError('chain', `certificate ${index + 2} did not issue certificate ${index + 1}: the domain’s own comes first, then the issuer of each`)
  }
}

const moment = (text: string): string => new Date(text).toISOString()

function requireValid({ validFrom, validTo }: X509Certificate): void {
  const now = new Date().toISOString()
  if (moment(validTo) <= now) throw new CertificateError('chain', `has expired at ${moment(validTo)}`)
  if (moment(validFrom) > now) throw new CertificateError('chain', `is not valid before ${moment(validFrom)}`)
}

function requireCovered(certificate: X509Certificate, domain: string): void {
  const options = { subject: 'never', partialWildcards: false } as const
  const isCovered = isIP(domain) ? certificate.checkIP(domain) : certificate.checkHost(askedName(domain), options)
  if (isCovered) return
  const names = namesOf(certificate)
  throw new CertificateError('chain', `is not for ${domain}, but for ${names.length === 0 ? 'no name at all' : names.join(', ')}`)
}

const curves = ['prime256v1', 'secp384r1', 'secp521r1']

/** A key of a kind that Go's TLS, which is Caddy's, and browsers work with. */
function keyIn(pem: string): KeyObject {
  const key = parsedKey(pem)
  const { asymmetricKeyType: type, asymmetricKeyDetails: { modulusLength = 0, namedCurve = '' } = {} } = key
  if ((type === 'rsa' && modulusLength >= 2048) || (type === 'ec' && curves.includes(namedCurve)) || type === 'ed25519') return key
  throw new CertificateError('privateKey', 'must be an RSA key of 2048 bits or more, an ECDSA key on P-256, P-384 or P-521, or an Ed25519 key')
}

function parsedKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem)
  } catch {
    throw new CertificateError('privateKey', 'must be a private key in PEM, without a passphrase')
  }
}

function factsOf(certificate: X509Certificate): CertificateFacts {
  const { issuer, validFrom, validTo, fingerprint256 } = certificate
  return {
    names: namesOf(certificate),
    issuer: issuer.replaceAll('\n', ', '),
    validFrom: moment(validFrom),
    validUntil: moment(validTo),
    fingerprint: fingerprint256,
  }
}

/** Node writes them as `DNS:shop.example.com, IP Address:203.0.113.10`. */
const namesOf = ({ subjectAltName = '' }: X509Certificate): string[] =>
  subjectAltName.split(', ').flatMap((entry) => /^(?:DNS|IP Address):(.+)$/.exec(entry)?.[1] ?? [])
