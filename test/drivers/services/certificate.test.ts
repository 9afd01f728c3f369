import { createPrivateKey, X509Certificate } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { type GivenCertificate, readCertificate } from '../../../drivers/services/certificate.ts'
import { createAuthority, type TestAuthority, type TestCertificate } from '../../certificates.ts'

let authority: TestAuthority
let shop: TestCertificate
let other: TestCertificate
const domains = ['shop.example.com', 'www.shop.example.com']

beforeAll(async () => {
  authority = await createAuthority()
  shop = await authority.issue(domains)
  other = await authority.issue(['*.example.com', '*.example.org'])
})
afterEach(() => vi.useRealTimers())

const read = (given: Partial<GivenCertificate> = {}) => readCertificate({ ...shop, domains, ...given })
const refused = (given: Partial<GivenCertificate>) => {
  try {
    read(given)
    return null
  } catch (error) {
    const { field, message } = error as { field: string; message: string }
    return `${field} ${message}`
  }
}
const atDay = (day: number) => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + day * 86_400_000 })

describe('a certificate', () => {
  it('is taken with its chain, and told of without its key', () => {
    const { certificate, facts } = read()
    expect(certificate.chain.reveal()).toBe(shop.chain)
    expect(createPrivateKey(certificate.privateKey.reveal()).equals(createPrivateKey(shop.privateKey))).toBe(true)
    const { fingerprint256, validTo } = new X509Certificate(shop.chain)
    expect(facts).toMatchObject({ names: domains, issuer: 'CN=Test authority', fingerprint: fingerprint256, validUntil: new Date(validTo).toISOString() })
  })

  it('loses what stands around it', () => {
    const framed = shop.chain.replaceAll('-----BEGIN', 'subject=shop\n-----BEGIN').replaceAll('\n', '\r\n')
    expect(read({ chain: framed }).certificate.chain.reveal()).toBe(shop.chain)
  })

  it('may leave its issuer out', () => {
    const [own = ''] = shop.chain.split(/(?<=-----END CERTIFICATE-----\n)/)
    expect(read({ chain: own }).certificate.chain.reveal()).toBe(own)
  })

  it.each([
    ['no certificate', () => ({ chain: 'shop.crt' }), 'chain must hold certificates in PEM, the domain’s own first'],
    ['a broken one', () => ({ chain: shop.chain.replace(/^M.{8}/m, 'AAAAAAAAA') }), 'chain must hold certificates in PEM, the domain’s own first'],
    ['a private key in the chain', () => ({ chain: shop.chain + shop.privateKey }), 'chain holds a private key: give that as privateKey'],
    ['the issuer first', () => ({ chain: authority.root + shop.chain }), 'chain certificate 2 did not issue certificate 1: the domain’s own comes first, then the issuer of each'],
    ['no key', () => ({ privateKey: shop.chain }), 'privateKey must be a private key in PEM, without a passphrase'],
    ['the key of another', () => ({ privateKey: other.privateKey }), 'privateKey is the key of another certificate'],
    ['another domain', () => ({ domains: ['example.com'] }), 'chain is not for example.com, but for shop.example.com, www.shop.example.com'],
    ['a redirect that it is not for', () => ({ domains: [...domains, 'shop.example.org'] }), 'chain is not for shop.example.org, but for shop.example.com, www.shop.example.com'],
    ['an address', () => ({ domains: ['203.0.113.10'] }), 'chain is not for 203.0.113.10, but for shop.example.com, www.shop.example.com'],
  ])('is refused with %s', (_, given, reason) => {
    expect(refused(given())).toBe(reason)
  })

  it('of a wildcard is for the names right below it', () => {
    const covers = (domain: string) => refused({ ...other, domains: [domain] }) === null
    expect(['*.example.com', 'shop.example.com', 'example.com', 'www.shop.example.com', '*.shop.example.com'].map(covers)).toEqual([true, true, false, false, false])
  })

  it('without a name in it is for none', async () => {
    expect(refused(await authority.issue([]))).toBe('chain is not for shop.example.com, but for no name at all')
  })

  it('is taken in its time only', () => {
    atDay(31)
    expect(refused({})).toMatch(/^chain has expired at \d{4}-\d\d-\d\dT/)
    vi.useRealTimers()
    atDay(-1)
    expect(refused({})).toMatch(/^chain is not valid before \d{4}-\d\d-\d\dT/)
  })

  it.each([
    ['RSA of 2048 bits', ['-newkey', 'rsa:2048'], true],
    ['RSA of 1024 bits', ['-newkey', 'rsa:1024'], false],
    ['P-384', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-384'], true],
    ['a curve that browsers do not know', ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:secp256k1'], false],
    ['Ed25519', ['-newkey', 'ed25519'], true],
  ])('may have a key that gateways know: %s', async (_, newKey, isTaken) => {
    expect(refused(await authority.issue(domains, newKey))).toBe(
      isTaken ? null : 'privateKey must be an RSA key of 2048 bits or more, an ECDSA key on P-256, P-384 or P-521, or an Ed25519 key',
    )
  })
})
