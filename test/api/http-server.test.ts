import { once } from 'node:events'
import { type AddressInfo, connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createHttpServer } from '../../api/http-server.ts'

const server = createHttpServer((request, answer) => void request.resume().once('end', () => answer.end('answered')), {
  ...{ headersSeconds: 0.2, wholeSeconds: 0.3, checkSeconds: 0.05 },
})

beforeAll(async () => {
  await once(server.listen(0, '127.0.0.1'), 'listening')
})
afterAll(() => void server.close())

/** Sends that much and no more; all that is answered. */
async function send(part: string): Promise<string> {
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
  socket.write(part)
  return text(socket)
}

it.each([
  ['headers', 'POST / HTTP/1.1\r\nhost: keystone\r\n'],
  ['a body', 'POST / HTTP/1.1\r\nhost: keystone\r\ncontent-length: 100\r\n\r\n{'],
])('nobody holds a connection with half of %s', async (_, half) => {
  expect(await send(half)).toMatch(/^HTTP\/1\.1 408 /)
})

it('answers what has come whole', async () => {
  expect(await send('GET / HTTP/1.1\r\nhost: keystone\r\nconnection: close\r\n\r\n')).toMatch(/^HTTP\/1\.1 200 OK[^]*answered/)
})
