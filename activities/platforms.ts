import { serverPlatforms } from '../db/artifacts.ts'
import type { Database } from '../db/connect.ts'
import type { ServerId } from '../domain/ids.ts'
import type { Platform } from '../domain/images.ts'
import { finalFailure } from './failures.ts'

/** The platforms of servers, each once. Fails as `server_not_ready` where one has never been provisioned. */
export async function platformsOf(db: Database, ids: readonly ServerId[]): Promise<Platform[]> {
  const found = await serverPlatforms(db, ids)
  const platforms = found.map(({ name, platform }) => {
    if (platform === null) throw notReady(name)
    return platform
  })
  return [...new Set(platforms)]
}

function notReady(server: string): Error {
  const message = `${server} is not ready: it has not been provisioned yet.`
  return finalFailure({ code: 'server_not_ready', message, server, hint: 'Look at its server_provision; provision it again where that has failed.' })
}
