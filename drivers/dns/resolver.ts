import { Resolver } from 'node:dns/promises'
import type { DnsRecordType } from '../../domain/dns.ts'

/** What the world sees of a domain. */
export interface DnsResolver {
  /** Values of these records, sorted; empty where there are none. Throws a DnsError when no server gives an answer. */
  find(name: string, type: DnsRecordType): Promise<string[]>
}

/** No DNS server answered, or it refused to. */
export class DnsError extends Error {
  override readonly name = 'DnsError'
}

/** Codes of `node:dns` for a name or a type that is not there (RFC 2308). */
const absent = new Set(['ENOTFOUND', 'ENODATA'])

/** Asks these servers, `address` or `address:port`, or this machine's own where none are given. */
export function createDnsResolver({ servers }: { servers: readonly string[] }): DnsResolver {
  return {
    async find(name, type) {
      const resolver = new Resolver({ timeout: 3000, tries: 2 })
      if (servers.length > 0) resolver.setServers([...servers])
      try {
        return (await ask(resolver, name, type)).toSorted()
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
        if (absent.has(code)) return []
        throw new DnsError(`no answer about ${name} (${code})`, { cause: error })
      }
    },
  }
}

function ask(resolver: Resolver, name: string, type: DnsRecordType): Promise<string[]> {
  switch (type) {
    case 'A':
      return resolver.resolve4(name)
    case 'AAAA':
      return resolver.resolve6(name)
    case 'CNAME':
      return resolver.resolveCname(name)
    default:
      return type satisfies never
  }
}
