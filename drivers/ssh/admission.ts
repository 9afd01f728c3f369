import { connect, type ConnectionTimings } from './connect.ts'
import { SshError } from './errors.ts'
import type { ServerTarget } from './remote.ts'

/** Whether the server lets the user in by this credential alone, by what it says to a new connection. Throws SshErrors where it does not say. */
export async function isLetIn(target: ServerTarget, timings: ConnectionTimings): Promise<boolean> {
  try {
    const client = await connect(target, timings)
    client.end()
    return true
  } catch (error) {
    if (error instanceof SshError && (error.code === 'authentication_failed' || error.code === 'password_refused')) return false
    throw error
  }
}
