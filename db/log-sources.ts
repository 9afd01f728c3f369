import type { EnvironmentId, OperationId, ServerId } from '../domain/ids.ts'
import type { Keyring } from '../domain/keyring.ts'
import { maskedSecrets } from '../domain/masking.ts'
import type { Secret } from '../domain/secret.ts'
import type { Database } from './connect.ts'
import { attachedData, environmentServices } from './engine-services.ts'
import { environmentServers } from './environments.ts'
import { releasedVariables } from './releases.ts'
import { environmentReplicas } from './replicas.ts'
import { variablesOf } from './variables.ts'

/** Where containers of an environment are or will be, and by which name people know the services that they are of. */
export interface LogSources {
  serverIds: ServerId[]
  /** By id. */
  services: ReadonlyMap<string, string>
  replicaIds: readonly string[]
  /** What containers that are there have been started with and must not be seen. */
  masked: Secret[]
}

export async function logSources(db: Database, keyring: Keyring, environmentId: EnvironmentId): Promise<LogSources> {
  const [placed, replicas, services] = await Promise.all([
    environmentServers(db, environmentId),
    environmentReplicas(db, environmentId),
    environmentServices(db, keyring, environmentId),
  ])
  const operationIds = new Set(replicas.flatMap(({ replica }) => replica.operationId ?? []))
  return {
    serverIds: [...new Set([...placed, ...replicas.map(({ replica }) => replica.serverId)])],
    services: new Map([...replicas.map(({ replica, serviceName }) => [replica.serviceId, serviceName] as const), ...services.map(({ id, name }) => [id, name] as const)]),
    replicaIds: replicas.map(({ replica }) => replica.id),
    masked: await secretsOf(db, keyring, { environmentId, operationIds }),
  }
}

interface Started {
  environmentId: EnvironmentId
  operationIds: ReadonlySet<OperationId>
}

/** Today's variables, those of the releases that still run, and the logins of what is attached. */
async function secretsOf(db: Database, keyring: Keyring, { environmentId, operationIds }: Started): Promise<Secret[]> {
  const [variables, attached, ...released] = await Promise.all([
    variablesOf(db, keyring, environmentId),
    attachedData(db, keyring, environmentId),
    ...[...operationIds].map((id) => releasedVariables(db, keyring, id)),
  ])
  const pinned = released.flatMap((values) => Object.entries(values ?? {}).map(([key, value]) => ({ key, value, source: 'user' as const, overridable: true })))
  return [...[...variables, ...pinned].flatMap(maskedSecrets), ...attached.flatMap(({ slice }) => Object.values(slice.credentials))]
}
