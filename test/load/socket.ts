import { WebSocket } from 'ws'
import type { LoadOptions } from './report.ts'
import type { Tally } from './tally.ts'

const pingMilliseconds = 1000
const reopenMilliseconds = 250

type SocketOptions = Pick<LoadOptions, 'address' | 'port' | 'websocketPath' | 'mayCloseWebsocket' | 'timeoutSeconds'> & { domain: string }

/** Keeps one websocket open and sends a message each second, which has to come back in time. */
export function openSocket(options: SocketOptions, tally: Tally): { close(): Promise<void> } {
  const kind = 'websocket'
  let isEnding = false
  const failed = (what: string) =>
    tally.failed({ window: tally.window(), kind }, { request: kind, connection: kind, what, version: null })
  let socket = connect()

  function connect(): WebSocket {
    const { address, port, websocketPath, domain, timeoutSeconds } = options
    const opened = new WebSocket(`ws://${address}:${port}${websocketPath}`, {
      headers: { host: domain },
      handshakeTimeout: timeoutSeconds * 1000,
    })
    const talk = conversation(opened, { tally, failed, timeoutSeconds })
    let isOpen = false
    let broken = ''
    opened.once('open', () => {
      isOpen = true
      talk.begin()
    })
    opened.on('error', (error) => {
      broken = error.message
      if (!isOpen && !isEnding) failed(`it was not opened: ${error.message}`)
    })
    opened.once('close', (code, reason) => {
      talk.end()
      if (isEnding) return
      const why = reason.toString() || broken
      if (isOpen) tally.socketClosed(code, why)
      if (isOpen && !options.mayCloseWebsocket) failed(`it was closed with ${code} ${why}`)
      setTimeout(() => (socket = isEnding ? socket : connect()), isOpen ? 0 : reopenMilliseconds)
    })
    return opened
  }

  return {
    async close() {
      isEnding = true
      if (socket.readyState === WebSocket.CLOSED) return
      const closed = new Promise((resolve) => socket.once('close', resolve))
      if (socket.readyState === WebSocket.OPEN) socket.close()
      else socket.terminate()
      await closed
    },
  }
}

interface Conversation {
  tally: Tally
  failed(what: string): void
  timeoutSeconds: number
}

/** Greeting, messages and their answers on one socket. */
function conversation(socket: WebSocket, { tally, failed, timeoutSeconds }: Conversation) {
  const waiting = new Map<string, NodeJS.Timeout>()
  let timer: NodeJS.Timeout | undefined
  let count = 0
  const ping = () => {
    const message = `ping ${(count += 1)}`
    const late = () => {
      waiting.delete(message)
      failed(`"${message}" was not answered within ${timeoutSeconds} s`)
    }
    waiting.set(message, setTimeout(late, timeoutSeconds * 1000))
    socket.send(message)
  }
  socket.on('message', (data: Buffer) => {
    const text = data.toString()
    const [, message, version] = /^(?:(ping \d+) )?version (.*)$/.exec(text) ?? []
    if (version === undefined) return failed(`it said ${JSON.stringify(text.slice(0, 100))}`)
    if (message === undefined) return tally.greetedBy(version)
    clearTimeout(waiting.get(message))
    if (!waiting.delete(message)) return
    tally.socketMessage()
    tally.succeeded({ window: tally.window(), kind: 'websocket' }, null)
  })
  return {
    begin() {
      ping()
      timer = setInterval(ping, pingMilliseconds)
    },
    end() {
      clearInterval(timer)
      for (const timeout of waiting.values()) clearTimeout(timeout)
    },
  }
}
