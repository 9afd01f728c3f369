import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { setTimeout as pause } from 'node:timers/promises'
import { WebSocketServer } from 'ws'

/** Answers in the place of the site. */
type Fault = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

/** A server on this machine that answers as the sample application does. */
export interface Site {
  port: number
  /** Which paths were asked for, in their order. */
  asked: string[]
  commit: string
  /** Answers requests that match instead of the site, so often. */
  plant(isMet: (request: IncomingMessage) => boolean, fault: Fault, times?: number): void
  /** Closes all websockets, as a server does that goes away. */
  closeSockets(): void
  close(): Promise<void>
}

const assetPath = '/build/assets/app-1234abcd.css'
const megabyte = `${'x'.repeat(1023)}\n`.repeat(1024)

export async function openSite(): Promise<Site> {
  const planted: { isMet: (request: IncomingMessage) => boolean; fault: Fault; left: number }[] = []
  let visits = 0
  const answers: Record<string, () => string | Promise<string>> = {
    '/': () => `visits version ${site.commit}\ncommit ${site.commit}\n`,
    '/visit': () => JSON.stringify({ id: (visits += 1) }),
    '/page': () => `<h1>Version ${site.commit}</h1>\n<link rel="stylesheet" href="${assetPath}">\n`,
    [assetPath]: () => "h1 { content: 'version 1' }\n",
    '/slow': () => pause(100, `second 1 of version ${site.commit}\nend\n`),
    '/download': () => `${megabyte}end\n`,
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site')
    site.asked.push(pathname)
    const plan = planted.find(({ left, isMet }) => left > 0 && isMet(request))
    if (plan) plan.left -= 1
    const usual = async () => response.end(await answers[pathname]?.())
    void (plan ? plan.fault(request, response) : usual())
  })
  const sockets = new WebSocketServer({ server })
  sockets.on('connection', (socket) => {
    socket.send(`version ${site.commit}`)
    socket.on('message', (data: Buffer) => socket.send(`${data.toString()} version ${site.commit}`))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  const site: Site = {
    port: address && typeof address === 'object' ? address.port : 0,
    asked: [],
    commit: 'first',
    plant: (isMet, fault, times = 1) => void planted.push({ isMet, fault, left: times }),
    closeSockets() {
      for (const socket of sockets.clients) socket.close(1001, 'going away')
    },
    async close() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return site
}
