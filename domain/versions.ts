import type { OperationId } from './ids.ts'
import type { Traffic } from './services.ts'

/** A replica with what tells its version: its image, whichever operation has started it. */
interface VersionedReplica {
  replica: { operationId: OperationId | null; imageDigest: string; traffic: Traffic }
}

/**
 * The versions besides the one that serves, newest first: an asset that it does not have may be one of theirs. While several serve,
 * nobody knows which of them is asked first, so all of them are named.
 */
export function otherVersions<Replica extends VersionedReplica>(replicas: readonly Replica[]): Replica[][] {
  const reached = replicas.filter(({ replica: { traffic } }) => traffic === 'serving' || traffic === 'draining')
  const serving = new Set(reached.filter(({ replica }) => replica.traffic === 'serving').map(versionOf))
  // Ids of operations count up with the time.
  const newestFirst = reached.toSorted((one, other) => (operationOf(one) < operationOf(other) ? 1 : -1))
  const versions = [...new Set(newestFirst.map(versionOf))]
  if (versions.length < 2) return []
  return versions
    .filter((version) => serving.size > 1 || !serving.has(version))
    .map((version) => reached.filter((replica) => versionOf(replica) === version))
}

const versionOf = ({ replica }: VersionedReplica): string => replica.imageDigest
const operationOf = ({ replica }: VersionedReplica): string => replica.operationId ?? ''
