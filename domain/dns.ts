export const dnsRecordTypes = ['A', 'AAAA', 'CNAME'] as const
export type DnsRecordType = (typeof dnsRecordTypes)[number]

/** Records that a domain needs, so that its users come to its gateways. */
export interface ExpectedRecords {
  name: string
  type: DnsRecordType
  values: string[]
}

/**
 * What must be in the DNS for domains that gateways at these addresses answer for, as the API has accepted them: A and AAAA for IP
 * addresses, a CNAME for a host name. Of a CNAME a name has one and nothing beside it (RFC 1034, section 3.6.2), so there is none where
 * a domain has several gateways.
 */
export function expectedRecords(domains: readonly string[], addresses: readonly string[]): ExpectedRecords[] {
  const of = (type: DnsRecordType) => [...new Set(addresses.filter((address) => typeFor(address) === type))].toSorted()
  const names = new Set(addresses).size === 1 ? dnsRecordTypes : (['A', 'AAAA'] as const)
  const expected = names.map((type) => ({ type, values: of(type) })).filter(({ values }) => values.length > 0)
  return domains.flatMap((name) => expected.map((records) => ({ name, ...records })))
}

function typeFor(address: string): DnsRecordType {
  if (/^\d+(\.\d+){3}$/.test(address)) return 'A'
  return address.includes(':') ? 'AAAA' : 'CNAME'
}

/** How what is in the DNS compares with what is expected there: all of it and nothing else, only some of it, nothing, or something else. */
export const dnsStatuses = ['right', 'partly', 'missing', 'elsewhere'] as const
type DnsStatus = (typeof dnsStatuses)[number]

/** What is asked about a wildcard is any name below it. */
export const askedName = (name: string): string => name.replace(/^\*\./, 'keystone-check.')

export function dnsStatus(expected: readonly string[], found: readonly string[]): DnsStatus {
  if (found.length === 0) return 'missing'
  if (found.some((value) => !expected.includes(value))) return 'elsewhere'
  return expected.every((value) => found.includes(value)) ? 'right' : 'partly'
}
