import type { ApplicationFailure } from '@temporalio/activity'
import { serviceOfReplica } from '../db/engine-services.ts'
import { environmentReplicas } from '../db/replicas.ts'
import type { ServerPlace } from '../domain/endpoints.ts'
import type { EnvironmentId, ReplicaId } from '../domain/ids.ts'
import { type AskedReplica, unansweredExitCode } from '../drivers/services/contract-gateway.ts'
import { applicationOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure, stepFailure } from './failures.ts'
import { upstreamOf } from './gateway-sections.ts'

/** Replicas for the web, on other servers than the gateway that asks them. */
export interface Questions {
  environmentId: EnvironmentId
  replicas: readonly ReplicaId[]
  /** Where the gateway stands. */
  gateway: ServerPlace
}

/** What a gateway asks new replicas for before they get any traffic. Throws when one of them is gone. */
export async function askedReplicas(deps: ActivityDeps, { environmentId, replicas, gateway }: Questions): Promise<AskedReplica[]> {
  const { db, keyring } = deps
  const present = await environmentReplicas(db, environmentId)
  return Promise.all(
    replicas.map(async (id) => {
      const found = present.find(({ replica }) => replica.id === id)
      if (!found) throw new Error(`replica ${id} is gone`)
      const { host: address, port } = upstreamOf(found, gateway)
      const path = applicationOf(await serviceOfReplica(db, keyring, found.replica)).healthPath
      return { containerName: found.replica.containerName, address, port, path }
    }),
  )
}

/** The failure of a step in which a replica did not answer its gateway; null for every other error. */
export function unanswered(error: unknown): ApplicationFailure | null {
  const failure = stepFailure(error, unansweredExitCode)
  const hint = 'Look at the log of the replica; the health path must answer with a status below 400.'
  return failure && finalFailure({ ...failure, code: 'replica_not_reachable', message: 'A new replica does not answer the gateway.', hint })
}
