import type { Database } from '../db/connect.ts'
import type { EngineService } from '../db/engine-services.ts'
import type { liveRelease } from '../db/releases.ts'
import { environmentReplicas } from '../db/replicas.ts'
import { nothingRuns } from '../domain/commands.ts'
import type { EnvironmentId, ReplicaId } from '../domain/ids.ts'
import { imageOf, type ReplicaImage } from '../domain/images.ts'
import { finalFailure } from './failures.ts'

/** Where the image of the live release is known to run: beside this replica. */
export interface LivePlace {
  replicaId: ReplicaId
  serverName: string
  image: ReplicaImage
}

interface Wanted {
  environmentId: EnvironmentId
  release: Awaited<ReturnType<typeof liveRelease>>['release']
  service: EngineService
}

/** Fails as `service_not_running` where no replica of the service runs the live release. */
export async function livePlace(db: Database, { environmentId, release, service }: Wanted): Promise<LivePlace> {
  const released = release?.services[service.id]?.imageDigest
  const running = (await environmentReplicas(db, environmentId)).find(
    ({ replica }) => replica.serviceId === service.id && replica.status === 'running' && replica.imageDigest === released,
  )
  if (!running) throw finalFailure(nothingRuns(service.name))
  const { replica, serverName } = running
  return { replicaId: replica.id, serverName, image: imageOf(replica.imageDigest) }
}
