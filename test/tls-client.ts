import { request } from 'node:https'
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

/** What a browser would get that trusts only `root`, without following redirects. */
export interface SecureAnswer {
  status: number
  location: string | null
  body: string
}

export function askSecurely(address: string, domain: string, root: string, path = '/'): Promise<SecureAnswer> {
  return new Promise((resolve, reject) => {
    const options = { host: address, path, servername: domain, headers: { host: domain }, ca: root, agent: false, timeout: 20_000 }
    const asked = request(options, (response) => {
      const { statusCode: status = 0, headers: { location = null } } = response
      text(response).then((body) => resolve({ status, location, body }), reject)
    })
    asked.once('timeout', () => asked.destroy(new Error(`no answer from ${domain}${path} within 20 s`)))
    asked.once('error', reject).end()
  })
}
