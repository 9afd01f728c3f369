import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { createRegistryDriver } from '../../../drivers/registries/driver.ts'
import { parseReference } from '../../../drivers/registries/reference.ts'

/** Answers as a registry would in a case that a real one cannot be brought into. */
let respond: (request: IncomingMessage, answer: ServerResponse) => void
const asked: string[] = []
const server = createServer((request, answer) => {
  asked.push(`${request.method} ${request.url}`)
  respond(request, answer)
})
let url: string
let host: string

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
  host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  url = `http://${host}`
})
afterAll(() => void server.close())

const driver = createRegistryDriver({ timeoutSeconds: 1 })
const credentials = { username: 'lab', password: new Secret('a-password') }
const shop = parseReference('shop:1.4')
const verify = () => driver.verify({ url, credentials }, null)
const resolve = () => driver.resolve({ url, credentials }, shop)

describe('what a registry answers', () => {
  it.each([
    [429, { 'retry-after': '30' }, { code: 'rate_limited', retryable: true, retryAfterSeconds: 30, field: 'url' }],
    [429, { 'retry-after': new Date(Date.now() + 90_000).toUTCString() }, { code: 'rate_limited', retryAfterSeconds: expect.toSatisfy((seconds: number) => seconds > 60 && seconds <= 90) }],
    [429, {}, { code: 'rate_limited', retryAfterSeconds: null }],
    [429, { 'retry-after': 'soon' }, { code: 'rate_limited', retryAfterSeconds: null }],
    [500, {}, { code: 'unavailable', retryable: true }],
    [503, {}, { code: 'unavailable', retryable: true }],
    [404, {}, { code: 'protocol_error', retryable: false }],
    [302, { location: 'http://169.254.169.254/' }, { code: 'protocol_error' }],
    [403, {}, { code: 'access_denied', retryable: false }],
    [401, { 'www-authenticate': 'Basic realm="x"' }, { code: 'authentication_failed', field: 'password' }],
    [401, { 'www-authenticate': 'Negotiate' }, { code: 'protocol_error' }],
    [401, {}, { code: 'protocol_error' }],
  ])('is told apart when its credentials are checked: %s %j', async (status, headers, expected) => {
    respond = (_, answer) => answer.writeHead(status, headers).end('{"errors":[{"code":"TOOMANY","message":"not so\\nfast"}]}')
    await expect(verify()).rejects.toMatchObject({ name: 'RegistryError', message: expect.stringContaining(host), ...expected })
  })

  it('is told apart when an image is looked for', async () => {
    respond = (_, answer) => answer.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
    await expect(resolve()).rejects.toMatchObject({ code: 'image_not_found', field: 'image', message: expect.stringMatching(/library\/shop:1\.4 \(MANIFEST_UNKNOWN: manifest unknown\)/) })
    respond = (_, answer) => answer.writeHead(403).end('<html>')
    await expect(resolve()).rejects.toMatchObject({ code: 'access_denied' })
    respond = (_, answer) => answer.writeHead(418).end()
    await expect(resolve()).rejects.toMatchObject({ code: 'protocol_error' })
  })

  it('is a digest without a pull; where the registry does not tell it, that of the manifest', async () => {
    const digest = `sha256:${'b'.repeat(64)}`
    respond = (_, answer) => answer.writeHead(200, { 'docker-content-digest': digest }).end()
    asked.length = 0
    expect(await resolve()).toBe(digest)
    expect(asked).toEqual(['HEAD /v2/library/shop/manifests/1.4'])
    respond = (_, answer) => answer.writeHead(200, { 'docker-content-digest': 'md5:1' }).end('{}')
    expect(await resolve()).toBe('sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a')
  })

  it('has to be what it is asked for by digest, and an image', async () => {
    const inspect = (name: string) => driver.inspect({ url, credentials }, parseReference(name))
    respond = (_, answer) => answer.end('{"config":{"digest":"sha256:1"}}')
    await expect(inspect(`shop@sha256:${'0'.repeat(64)}`)).rejects.toMatchObject({ code: 'protocol_error', message: expect.stringContaining('something else') })
    for (const body of ['<html>', '{}', '{"manifests":[]}', '{"config":{"digest":"sha256:1"}}', '{"fsLayers":[],"schemaVersion":1}']) {
      respond = (_, answer) => answer.end(body)
      await expect(inspect('shop:1.4'), body).rejects.toMatchObject({ code: 'protocol_error' })
    }
  })

  it('does not lead to a store without TLS where the registry has it', async () => {
    const config = `sha256:${'c'.repeat(64)}`
    const seen: string[] = []
    respond = (request, answer) => {
      seen.push(request.url ?? '')
      if (request.url?.includes('/blobs/')) answer.writeHead(307, { location: 'ftp://store.example.com/blob' }).end()
      else answer.end(JSON.stringify({ config: { digest: config } }))
    }
    await expect(driver.inspect({ url, credentials }, shop)).rejects.toMatchObject({ code: 'protocol_error', message: expect.stringContaining('store.example.com') })
    expect(seen).toEqual(['/v2/library/shop/manifests/1.4', `/v2/library/shop/blobs/${config}`])
  })

  it('may be too long, cut off, late, or not there', async () => {
    respond = (_, answer) => answer.end(Buffer.alloc(5 * 1024 * 1024))
    await expect(verify()).rejects.toMatchObject({ code: 'protocol_error' })
    respond = (_, answer) => answer.writeHead(200, { 'content-length': '10' }).end('x', () => answer.destroy())
    await expect(verify()).rejects.toMatchObject({ code: 'unreachable' })
    respond = () => {}
    await expect(verify()).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('no whole answer within 1 s') })
    await expect(driver.verify({ url: 'http://127.0.0.1:1', credentials }, null)).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('ECONNREFUSED') })
    await expect(driver.verify({ url: 'http://no-such-host.invalid', credentials }, null)).rejects.toMatchObject({ code: 'unreachable' })
  })

  it('is no TLS where there should be some', async () => {
    respond = (_, answer) => answer.end()
    await expect(driver.verify({ url: `https://${host}`, credentials }, null)).rejects.toMatchObject({ code: 'tls_refused', message: expect.stringContaining('insecure') })
  })
})

describe('a token server', () => {
  it.each(['file:///etc/passwd', 'token', 'ftp://127.0.0.1/token', ''])('is not asked at %j', async (realm) => {
    respond = (_, answer) => answer.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="s"` }).end()
    await expect(verify()).rejects.toMatchObject({ code: 'protocol_error', message: expect.stringContaining(`"${realm}"`) })
  })

  it.each([
    [401, '{}', { code: 'authentication_failed' }],
    [403, '{"errors":[{"code":"DENIED","message":"denied"}]}', { code: 'authentication_failed', message: expect.stringContaining('DENIED: denied') }],
    [429, '{}', { code: 'rate_limited' }],
    [502, '{}', { code: 'unavailable' }],
    [200, '{"token":7}', { code: 'protocol_error' }],
    [200, 'hello', { code: 'protocol_error' }],
    [404, '', { code: 'protocol_error' }],
  ])('may answer %s %s', async (status, body, expected) => {
    respond = (request, answer) => {
      if (request.url?.startsWith('/token')) answer.writeHead(status).end(body)
      else answer.writeHead(401, { 'www-authenticate': `Bearer realm="${url}/token?account=x",service="the service"` }).end()
    }
    asked.length = 0
    await expect(verify()).rejects.toMatchObject(expected)
    expect(asked).toEqual(['GET /v2/', 'GET /token?account=x&service=the+service'])
  })
})
