import { type Agent, request, type IncomingMessage } from 'node:http'

/** What came back, whole. */
export interface Answer {
  status: number
  /** Bytes of the body. */
  length: number
  /** The body's first 64 KB. */
  text: string
  /** The body's last bytes. */
  tail: string
}

export interface Exchange {
  address: string
  port: number
  domain: string
  method: 'GET' | 'POST'
  path: string
  agent: Agent
  timeoutSeconds: number
}

/** A request without a whole answer; `partial` is what came of it. */
export class BrokenExchange extends Error {
  readonly partial: string
  /** Its reused connection was closed before a byte of the answer: a client may ask again where that changes nothing. */
  readonly isIdleClose: boolean

  constructor(cause: NodeJS.ErrnoException, { partial, isIdleClose }: Pick<BrokenExchange, 'partial' | 'isIdleClose'>) {
    super([cause.code, cause.message].filter(Boolean).join(': '), { cause })
    this.partial = partial
    this.isIdleClose = isIdleClose
  }
}

const keptBytes = 65_536
const tailBytes = 16
const closedByPeer = ['ECONNRESET', 'EPIPE']

/** Asks, and reads to the last byte. Throws BrokenExchange. */
export function exchange({ address, port, domain, method, path, agent, timeoutSeconds }: Exchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const body = createBody()
    let bytesBefore = 0
    const asked = request({ host: address, port, method, path, agent, headers: { host: domain } })
    const broke = (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const isClosed = closedByPeer.includes(error.code ?? '') && asked.socket?.bytesRead === bytesBefore
      reject(new BrokenExchange(error, { partial: body.text(), isIdleClose: asked.reusedSocket && isClosed }))
    }
    const timer = setTimeout(() => {
      broke(new Error(`no whole answer within ${timeoutSeconds} s`))
      asked.destroy()
    }, timeoutSeconds * 1000)
    asked.once('socket', (socket) => (bytesBefore = socket.bytesRead))
    asked.on('error', broke)
    asked.once('response', (response: IncomingMessage) => {
      response.on('data', body.add)
      response.on('error', broke)
      response.once('end', () => {
        clearTimeout(timer)
        resolve({ status: response.statusCode ?? 0, length: body.length(), text: body.text(), tail: body.tail() })
      })
    })
    asked.end()
  })
}

/** A body of any size, of which beginning and end are kept. */
function createBody() {
  const kept: Buffer[] = []
  let length = 0
  let tail = ''
  return {
    add(chunk: Buffer) {
      if (length < keptBytes) kept.push(chunk.subarray(0, keptBytes - length))
      length += chunk.length
      tail = (tail + chunk.subarray(-tailBytes).toString('latin1')).slice(-tailBytes)
    },
    length: () => length,
    text: () => Buffer.concat(kept).toString(),
    tail: () => tail,
  }
}
