import { randomUUID } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'

const attempts = 5
const pauseMilliseconds = 1000

/**
 * `fetch` that makes a change once however its connection breaks: each POST below an organisation has an Idempotency-Key of its own, and
 * is sent again with the same where nobody answered, or the answer was lost on its way. `trouble` tells of it.
 */
export function persistentFetch(trouble: (text: string) => void): typeof fetch {
  return async (input, init) => {
    const isChange = init?.method === 'POST' && String(input instanceof Request ? input.url : input).includes('/organisations/')
    if (!isChange) return fetch(input, init)
    const headers = new Headers(init.headers)
    headers.set('idempotency-key', randomUUID())
    for (let attempt = 1; ; attempt += 1) {
      try {
        const response = await fetch(input, { ...init, headers })
        return new Response(await response.arrayBuffer(), response)
      } catch (error) {
        if (!(error instanceof TypeError) || attempt === attempts) throw error
        if (attempt === 1) trouble('Keystone does not answer. Asking once more; what is asked for is done once …\n')
      }
      await pause(pauseMilliseconds)
    }
  }
}
