import { createHash } from 'node:crypto'
import { isLetIn } from './admission.ts'
import { followCommand, runCommand } from './command.ts'
import type { PoolTimings } from './connection.ts'
import { createLane, type Lane } from './lane.ts'
import { offeredLogins } from './offered.ts'
import type { ServerTarget, SshPool } from './remote.ts'
import { runStep, stopStep } from './step.ts'
import { uploadFiles } from './upload.ts'

/**
 * One pool per worker: at most one connection per server, user and key, opened when needed and shared by all who ask for it.
 * A server that hangs is noticed within about three times `keepaliveSeconds`.
 */
export function createSshPool(timings: PoolTimings): SshPool {
  const lanes = new Map<string, Lane>()
  const counts = { handshakes: 0, roundTrips: 0 }
  const laneTo = (target: ServerTarget): Lane => {
    const key = laneKey(target)
    const lane = lanes.get(key) ?? createLane(target, timings, counts)
    lanes.set(key, lane)
    return lane
  }
  return {
    to(target) {
      const lane = laneTo(target)
      return {
        command: (argv, options) => runCommand(lane, argv, options),
        follow: (argv, following) => followCommand(lane, argv, following),
        upload: (files, signal) => uploadFiles(lane, files, signal),
        step: (step, observer) => runStep(lane, step, observer),
        stopStep: (step) => stopStep(lane, step),
      }
    },
    isLetIn: (target) => isLetIn(target, timings),
    offeredLogins: (target) => offeredLogins(target, timings),
    renew: (target) => laneTo(target).renew(),
    async forget(target) {
      const key = laneKey(target)
      const lane = lanes.get(key)
      lanes.delete(key)
      await lane?.close()
    },
    async close() {
      await Promise.all([...lanes.values()].map((lane) => lane.close()))
      lanes.clear()
    },
    counts: () => ({ ...counts }),
  }
}

/** Another pinned host key or credential is another connection: it must prove itself anew. */
function laneKey(target: ServerTarget): string {
  const { serverId, address, port, user, hostKey } = target
  const credential = 'privateKey' in target ? target.privateKey : target.password
  return createHash('sha256').update(JSON.stringify([serverId, address, port, user, hostKey, credential.reveal()])).digest('hex')
}
