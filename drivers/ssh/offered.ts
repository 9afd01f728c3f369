import { connect, type ConnectionTimings } from './connect.ts'
import type { ServerTarget } from './remote.ts'

/** How a user may prove himself by what the server says to somebody who shows nothing, e.g. `publickey`. Throws SshErrors. */
export function offeredLogins(target: ServerTarget, timings: ConnectionTimings): Promise<string[]> {
  return new Promise((resolve, reject) => {
    const authHandler = (offered: readonly string[] | null) => {
      if (offered === null) return 'none'
      resolve([...offered])
      return false
    }
    connect(target, timings, { authHandler }).then((client) => {
      resolve(['none'])
      client.end()
    }, reject)
  })
}
