import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

/** A registry on this machine that has only manifests, for one user. */
export interface SimulatedRegistry {
  url: string
  username: string
  password: string
  /** Manifests that were asked for and are there: one for each pull. */
  pulls(): number
  close(): Promise<void>
}

const [username, password] = ['keystone', 'a password with: colons']
const authorization = `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`

const digestOf = (manifest: string): string => `sha256:${createHash('sha256').update(manifest).digest('hex')}`

/** The part of the OCI distribution specification that Keystone and the simulated servers use. */
export async function openSimulatedRegistry(): Promise<SimulatedRegistry> {
  const manifests = new Map<string, string>()
  let pulls = 0
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const { method, url = '', headers } = request
    const [, repository = '', reference = ''] = /^\/v2\/(.+)\/manifests\/(.+)$/.exec(url) ?? []
    const stored = manifests.get(`${repository}@${reference}`)
    const body = await text(request)
    if (headers.authorization !== authorization) response.writeHead(401, { 'www-authenticate': 'Basic realm="bench"' }).end()
    else if (method === 'GET' && url === '/v2/') response.end('{}')
    else if (method === 'POST' && url.endsWith('/blobs/uploads/')) response.writeHead(202, { location: `${url}check` }).end()
    else if (method === 'DELETE') response.writeHead(204).end()
    else if (method === 'PUT' && repository) {
      for (const name of [reference, digestOf(body)]) manifests.set(`${repository}@${name}`, body)
      response.writeHead(201, { 'docker-content-digest': digestOf(body) }).end()
    } else if (method === 'GET' && stored !== undefined) {
      pulls += 1
      response.setHeader('docker-content-digest', digestOf(stored)).end(stored)
    } else response.writeHead(404).end('{"errors":[]}')
  }
  const server = createServer((request, response) => void answer(request, response))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  return {
    ...{ url: `http://127.0.0.1:${port}`, username, password, pulls: () => pulls },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
