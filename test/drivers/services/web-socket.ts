import { on, once } from 'node:events'
import { WebSocket } from 'ws'

/** A websocket of the sample application, which greets and then answers every message. */
export interface WebSocketClient {
  greeting: string
  /** Throws when the connection ends instead of an answer. */
  ask(text: string): Promise<string>
  isOpen(): boolean
  close(): void
}

/** Opens a websocket over plain HTTP; throws where the server does not switch to it. */
export async function openWebSocket(address: string, domain: string, path: string): Promise<WebSocketClient> {
  const socket = new WebSocket(`ws://${address}${path}`, { headers: { Host: domain } })
  const messages = on(socket, 'message', { close: ['close'] })
  const next = async (): Promise<string> => {
    const { done, value } = await messages.next()
    if (done) throw new Error('the websocket was closed')
    return String(value[0])
  }
  await once(socket, 'open')
  return {
    greeting: await next(),
    ask(text) {
      socket.send(text)
      return next()
    },
    isOpen: () => socket.readyState === WebSocket.OPEN,
    close: () => socket.terminate(),
  }
}
