import { get as getPlainly, type IncomingMessage } from 'node:http'
import { get as getSecurely } from 'node:https'
import { text } from 'node:stream/consumers'
import { connect, type DetailedPeerCertificate } from 'node:tls'

/**
 * The certificate that a server at this address shows to a client which trusts only `root` (PEM). Rejects where the client would not
 * be content with it.
 */
export function servedCertificate(address: string, domain: string, root: string): Promise<DetailedPeerCertificate> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port: 443, servername: domain, ca: root }, () => {
      resolve(socket.getPeerCertificate(true))
      socket.end()
    })
    socket.once('error', reject)
  })
}

/** What a browser would get, before it follows a redirect. */
interface WebAnswer {
  status: number
  location: string | null
  body: string
}

/** Asks for an URL at an address, whatever the DNS says; a client of HTTPS trusts only `root` (PEM). */
export function askAt(address: string, url: string, root = ''): Promise<WebAnswer> {
  const { protocol, hostname, pathname } = new URL(url)
  const options = { host: address, path: pathname, headers: { host: hostname }, agent: false as const, timeout: 20_000 }
  return new Promise((resolve, reject) => {
    const answered = (message: IncomingMessage) => {
      const { statusCode: status = 0, headers: { location = null } } = message
      text(message).then((body) => resolve({ status, location, body }), reject)
    }
    const asked =
      protocol === 'http:' ? getPlainly(options, answered) : getSecurely({ ...options, servername: hostname, ca: root }, answered)
    asked.once('timeout', () => asked.destroy(new Error(`no answer to ${url} within 20 s`)))
    asked.once('error', reject)
  })
}
