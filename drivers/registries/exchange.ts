import { request as plainRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { rootCertificates } from 'node:tls'
import { RegistryError } from './errors.ts'

export interface Asked {
  method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'DELETE'
  url: URL
  headers?: Readonly<Record<string, string>>
  body?: Buffer
}

export interface Answered {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
}

export interface ExchangeOptions {
  timeoutSeconds: number
  /** Certificates (PEM) that are trusted beside those of the system. */
  authorities: readonly string[]
}

/** Manifests have at most 4 MiB (OCI distribution specification, section "Pushing manifests"). */
const longestBody = 4 * 1024 * 1024

/** One request, whatever its status. Throws a RegistryError where no whole answer comes; follows no redirect. */
export function exchange({ method, url, headers = {}, body }: Asked, { timeoutSeconds, authorities }: ExchangeOptions): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const trusted = authorities.length > 0 ? { ca: [...rootCertificates, ...authorities] } : {}
    const signal = AbortSignal.timeout(timeoutSeconds * 1000)
    const options = { method, headers: { 'user-agent': 'keystone', ...headers }, signal }
    const fail = (cause: unknown) => reject(cause instanceof RegistryError ? cause : failed(url, cause, signal.aborted ? timeoutSeconds : null))
    const answered = (answer: IncomingMessage) => {
      bodyOf(answer, url).then((body) => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body }), fail)
    }
    const asked = url.protocol === 'http:' ? plainRequest(url, options, answered) : tlsRequest(url, { ...options, ...trusted }, answered)
    asked.on('error', fail)
    asked.end(body)
  })
}

async function bodyOf(answer: IncomingMessage, { host }: URL): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk)
    length += bytes.length
    if (length > longestBody) throw new RegistryError('protocol_error', `${host} sends more than a registry's answer can hold: check the address`)
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

/** OpenSSL's reasons for refusing a certificate, as Node names them, and what a server without TLS looks like. */
const tlsCodes = /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_|ERR_SSL_|EPROTO|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/

/** `waitedSeconds` where the time was over. */
function failed({ host }: URL, cause: unknown, waitedSeconds: number | null): RegistryError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : ''
  if (tlsCodes.test(code)) {
    const advice = 'install a certificate that Keystone trusts (NODE_EXTRA_CA_CERTS for an authority of your own), or mark a registry without TLS as insecure'
    return new RegistryError('tls_refused', `no TLS connection to ${host} (${code}): ${advice}`, { cause })
  }
  const reason = waitedSeconds === null ? code || String(cause) : `no whole answer within ${waitedSeconds} s`
  return new RegistryError('unreachable', `${host} cannot be reached (${reason}): check the address, and whether Keystone may reach it`, { cause })
}
