import { randomBytes } from 'node:crypto'
import { request } from 'node:http'
import type { Socket } from 'node:net'

/** A websocket of the sample application, which greets and then answers every message (RFC 6455; short texts only). */
export interface WebSocketClient {
  greeting: string
  /** Throws when the connection ends instead of an answer. */
  ask(text: string): Promise<string>
  isOpen(): boolean
  close(): void
}

/** Opens a websocket over plain HTTP; throws where the server does not switch to it. */
export async function openWebSocket(address: string, domain: string, path: string): Promise<WebSocketClient> {
  const headers = {
    ...{ Host: domain, Connection: 'Upgrade', Upgrade: 'websocket' },
    ...{ 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': randomBytes(16).toString('base64') },
  }
  const { socket, head } = await new Promise<{ socket: Socket; head: Buffer }>((resolve, reject) => {
    request({ host: address, path, headers })
      .on('upgrade', (_, upgraded, first) => resolve({ socket: upgraded, head: first }))
      .on('response', ({ statusCode }) => reject(new Error(`HTTP ${statusCode} instead of a websocket`)))
      .on('error', reject)
      .end()
  })
  const frames = readFrames(socket, head)
  return {
    greeting: await frames.next(),
    ask(text) {
      const mask = randomBytes(4)
      const masked = Buffer.from(text).map((byte, index) => byte ^ mask[index % 4]!)
      socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | masked.length]), mask, masked]))
      return frames.next()
    },
    isOpen: () => !frames.isEnded(),
    close: () => socket.destroy(),
  }
}

function readFrames(socket: Socket, head: Buffer) {
  let received = head
  let isEnded = false
  let wake = () => {}
  socket.on('data', (bytes) => {
    received = Buffer.concat([received, bytes])
    wake()
  })
  for (const event of ['end', 'close', 'error']) {
    socket.on(event, () => {
      isEnded = true
      wake()
    })
  }
  const hasFrame = () => received.length >= 2 && received.length >= 2 + received[1]!
  return {
    isEnded: () => isEnded,
    async next(): Promise<string> {
      while (!hasFrame()) {
        if (isEnded) throw new Error('the websocket was closed')
        await new Promise<void>((resolve) => (wake = resolve))
      }
      const end = 2 + received[1]!
      const text = received.subarray(2, end).toString()
      received = received.subarray(end)
      return text
    },
  }
}
