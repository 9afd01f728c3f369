import { Agent, get, type RequestOptions } from 'node:http'
import { text } from 'node:stream/consumers'
import { setTimeout as pause } from 'node:timers/promises'

/** A site behind a gateway, asked from outside. */
export interface Site {
  address: string
  port: number
  domain: string
}

const everyMilliseconds = 50

/** The moment (of performance.now()) at which the site's page first named `release`. Throws where it does not within `seconds`. */
export async function firstAnswer({ address, port, domain }: Site, release: string, seconds = 120): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const end = performance.now() + seconds * 1000
  try {
    while (performance.now() < end) {
      const began = performance.now()
      const page = await ask({ host: address, port, path: '/', headers: { host: domain }, agent }).catch(() => '')
      if (page.includes(`release ${release}\n`)) return performance.now()
      await pause(Math.max(0, everyMilliseconds - (performance.now() - began)))
    }
    throw new Error(`${domain} did not answer with release ${release} within ${seconds} s`)
  } finally {
    agent.destroy()
  }
}

function ask(options: RequestOptions): Promise<string> {
  return new Promise((resolve, reject) => {
    get(options, (response) => text(response).then(resolve, reject)).on('error', reject)
  })
}
