import { createHash } from 'node:crypto'
import type { Database } from '../db/connect.ts'
import { recordFindings } from '../db/drift.ts'
import {
  appliedRoutes,
  changedSince,
  expectedReplica,
  listedFirewall,
  now,
  recordObservation,
  recordReachable,
  recordSeenReplica,
  type ReplicaOn,
  replicasOn,
  revisionText,
  type SeenReplica,
  type WatchedServer,
  watchedServers,
} from '../db/observations.ts'
import { serverAccess } from '../db/server-access.ts'
import { recordDisk } from '../db/servers.ts'
import { isNearlyFull } from '../domain/checks.ts'
import { findDrift, type Finding } from '../domain/drift.ts'
import type { Expected, ExpectedGateway, ExpectedReplica, Seen } from '../domain/observations.ts'
import { observation, readObservation } from '../drivers/servers/observe.ts'
import { SshError } from '../drivers/ssh/errors.ts'
import type { CommandResult } from '../drivers/ssh/remote.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'

/** A server that is to be looked at, in this run of the Schedule. */
export interface ServerToObserve {
  server: WatchedServer
  runId: string
}

/** What a look came to; read in the Temporal Web UI. */
export interface ObservedServer {
  isReachable: boolean
  /** A line for each finding; why it could not be looked at where it was not reached. */
  said: string[]
}

/** A server that is busy answers late; one that hangs has stopped answering SSH itself, which is noticed much earlier. */
const answerSeconds = 120

/** Looks at servers without changing anything there: how they are, and what they differ in from what the database says. */
export function observationActivities(deps: ActivityDeps) {
  const { db, keyring, ssh } = deps
  return {
    /** The servers that are to be looked at. */
    async planWatch(): Promise<{ servers: WatchedServer[] }> {
      return { servers: await watchedServers(db) }
    },

    /**
     * Looks at one server and notes what it saw: how the server is, how each replica is, and what differs. What operations may have changed
     * meanwhile is not judged: the next look will. A server that does not answer is noted as such, with its findings as they were.
     */
    async observeServer({ server, runId }: ServerToObserve): Promise<ObservedServer> {
      const at = await now(db)
      const look = { serverId: server.id, runId, at }
      const replicas = await replicasOn(db, server.id)
      const remote = ssh.to(await serverAccess(db, keyring, server.id, 'management'))
      const { argv, stdin } = observation({ organisationId: server.organisationId, paths: pathsOf(replicas), gateway: gatewayLook(replicas) })
      try {
        const asked = Date.now()
        const result = await remote.command(argv, { stdin, timeoutSeconds: answerSeconds })
        const seen = understood(server, result, { asked, answered: Date.now() })
        return await db.transaction(async (tx) => {
          await recordObservation(tx, look, { isReachable: true, failure: null, measures: seen.measures })
          await recordReachable(tx, server.id, true)
          await recordDisk(tx, server.id, isNearlyFull(seen.measures.diskFreeMb) ? seen.measures.diskFreeMb : null)
          const findings = await judge(tx, { server, seen, at })
          return { isReachable: true, said: findings.map(({ message }) => message) }
        })
      } catch (error) {
        if (!(error instanceof SshError)) throw error
        await db.transaction(async (tx) => {
          // An operation may have closed its ways in, or changed the key to it: the next look will tell.
          if ((await changedSince(tx, at)).has(`server/${server.id}`)) return
          await recordObservation(tx, look, { isReachable: false, failure: error.message, measures: null })
          await recordReachable(tx, server.id, false)
        })
        return { isReachable: false, said: [error.message] }
      }
    },
  }
}

/** Fails as `look_failed` where the server says something that is no answer. */
function understood({ name }: WatchedServer, result: CommandResult, moments: Parameters<typeof readObservation>[1]): Seen {
  try {
    return readObservation(result, moments)
  } catch {
    const said = (result.stderr || result.stdout).trim().slice(-500)
    const hint = `Harden ${name} (POST …/harden), so that it has the programs that Keystone works with.`
    throw finalFailure({ code: 'look_failed', message: `${name} could not tell how it is (exit code ${result.exitCode}): ${said}`, server: name, hint })
  }
}

const isToRun = ({ replica }: ReplicaOn) => replica.status === 'running'
const gatewayAmong = (replicas: readonly ReplicaOn[]) => replicas.find((found) => isToRun(found) && configuredService(found.service).gateway !== null)

const pathsOf = (replicas: readonly ReplicaOn[]): string[] => replicas.filter(isToRun).flatMap(({ replica }) => Object.keys(replica.footprint.files))

function gatewayLook(replicas: readonly ReplicaOn[]) {
  const found = gatewayAmong(replicas)
  const gateway = found && configuredService(found.service).gateway
  return found && gateway ? { containerName: found.replica.containerName, lookScript: gateway.lookScript } : null
}

interface Judged {
  server: WatchedServer
  seen: Seen
  /** Before the look. */
  at: Date
}

/** Compares what was seen with the rows of now, for all that no operation may have changed since before the look; stores both. */
async function judge(tx: Database, { server, seen, at }: Judged): Promise<Finding[]> {
  const changed = await changedSince(tx, at)
  const firewall = await listedFirewall(tx, server.id)
  const isFirewallSettled = firewall !== null && firewall.updatedAt < at
  const isSettled = ({ environmentId, serviceId }: Pick<Finding, 'environmentId' | 'serviceId'>) =>
    !changed.has(`server/${server.id}`) && !changed.has(`environment/${environmentId}`) && !changed.has(`service/${serviceId}`)
  const expected = await expectedOn(tx, server, { firewall: isFirewallSettled ? firewall.listed : null, revision: seen.gateway?.revision ?? 0 })
  const isJudged = (finding: Pick<Finding, 'code' | 'environmentId' | 'serviceId'>) =>
    isSettled(finding) && (finding.code !== 'firewall_changed' || isFirewallSettled)
  const findings = findDrift(expected, seen).filter(isJudged)
  await recordFindings(tx, server, { findings, at, isLeft: (known) => !isJudged(known) })
  if (seen.containers === null) return findings
  for (const replica of expected.replicas.filter(isSettled)) {
    const isAltered = findings.some(({ replicaId }) => replicaId === replica.id)
    await recordSeenReplica(tx, { ...seenContainer(replica, seen.containers), isAltered }, at)
  }
  return findings
}

/** `revision` is the one that the gateway says it runs. */
async function expectedOn(tx: Database, { id, name }: WatchedServer, { firewall, revision }: Pick<Expected, 'firewall'> & { revision: number }): Promise<Expected> {
  const found = await replicasOn(tx, id)
  return {
    ...{ serverId: id, serverName: name, firewall },
    replicas: found.filter(isToRun).map(expectedReplica),
    known: found.filter(({ replica }) => replica.status !== 'stopped').map(({ replica }) => replica.id),
    gateway: await expectedGateway(tx, found, revision),
  }
}

async function expectedGateway(tx: Database, replicas: readonly ReplicaOn[], revision: number): Promise<ExpectedGateway | null> {
  const found = gatewayAmong(replicas)
  const gateway = found && configuredService(found.service).gateway
  if (!found || !gateway) return null
  const serviceId = found.service.id
  const text = await revisionText(tx, serviceId, revision)
  const routes = await appliedRoutes(tx, serviceId)
  return {
    ...{ serviceId, containerName: found.replica.containerName },
    revisionHash: text === null ? null : sha256(text),
    routes: Object.fromEntries(routes.flatMap(({ domain, text }) => gateway.sectionsIn(text).map((hash) => [hash, domain]))),
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

function seenContainer({ id, containerName }: ExpectedReplica, containers: NonNullable<Seen['containers']>): Omit<SeenReplica, 'isAltered'> {
  const main = containers.find(({ name, replicaId }) => name === containerName && replicaId === id)
  if (!main) return { id, status: null, containerId: null, healthStatus: 'unhealthy' }
  const { status, health } = main
  const isWell = status === 'running' && health !== 'unhealthy'
  return { id, status, containerId: main.id, healthStatus: health === 'starting' && isWell ? null : isWell ? 'healthy' : 'unhealthy' }
}
