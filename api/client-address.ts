import ipaddr from 'ipaddr.js'
import proxyAddress from 'proxy-addr'
import type { ApiContext, ApiDependencies } from './context.ts'

/**
 * Tells where a request is from: the peer's address, or where that is a trusted proxy the last one in X-Forwarded-For that is none.
 * Null where the app is asked without a connection.
 */
export function clientAddress({ trustedProxies }: Pick<ApiDependencies, 'trustedProxies'>): (c: ApiContext) => string | null {
  const isTrusted = proxyAddress.compile([...trustedProxies])
  return (c) => {
    const request = c.env?.incoming
    return request?.socket.remoteAddress ? proxyAddress(request, isTrusted) : null
  }
}

const networkBits = 64

/** What attempts are counted by: whoever has one IPv6 address has all of its /64. A proxy may say anything. */
export function networkOf(address: string): string {
  if (!ipaddr.isValid(address)) return 'unknown'
  const parsed = ipaddr.process(address.replace(/%.*$/, ''))
  if (parsed.kind() === 'ipv4') return parsed.toString()
  return `${ipaddr.IPv6.networkAddressFromCIDR(`${parsed.toString()}/${networkBits}`).toString()}/${networkBits}`
}
