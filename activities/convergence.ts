import {
  endDrain,
  failTarget,
  type Leftovers,
  leftoversOf,
  markConverged,
  markUnconverged,
  returnTraffic,
  unfinishedWorkOn,
} from '../db/convergence.ts'
import { environmentServices } from '../db/engine-services.ts'
import { holdRunning, operationById } from '../db/operations/begin.ts'
import { environmentOfOperation } from '../db/operations/environment.ts'
import { warn } from '../db/operations/finish.ts'
import { endStep, type UnfinishedStep } from '../db/operations/steps.ts'
import { artifactById, discardArtifact } from '../db/artifacts.ts'
import { type Login, serverAccess } from '../db/server-access.ts'
import type { ArtifactId, OperationId, ServerId } from '../domain/ids.ts'
import { storedTag } from '../domain/images.ts'
import { removeImage } from '../drivers/services/image.ts'
import { configuredService } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import { asFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'

/** `operationId` does the work, `of` is the operation that is taken back: the same, or the one that a recovery found lost. */
export interface ConvergenceInput extends OperationInput {
  of: OperationId
}

export interface BegunConvergence {
  isCommitted: boolean
  leftovers: Leftovers
}

/** A part of it on one server, as a step of this number. */
interface OnServer extends ConvergenceInput {
  order: number
  serverId: ServerId
}

/** Taking an operation back to what was before it, driven by rows alone: anybody can do it at any time (design section 4). */
export function convergenceActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /** Gives the rows back their traffic, unless the operation is committed after all, and says what there is of it. */
    async beginConvergence({ operationId, of }: ConvergenceInput): Promise<BegunConvergence> {
      return db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        const operation = await operationById(tx, of)
        const isCommitted = operation.committedAt !== null
        if (!isCommitted) {
          await failTarget(tx, operation)
          await returnTraffic(tx, of)
        }
        return { isCommitted, leftovers: await leftoversOf(tx, of) }
      })
    },

    /** What its replicas still had is over: gateways need not know them any more. */
    async endDrain({ operationId, of }: ConvergenceInput): Promise<void> {
      await db.transaction(async (tx) => {
        await holdRunning(tx, operationId)
        await endDrain(tx, of)
      })
    },

    /** The operation has been taken back whole. */
    async endConvergence({ of }: ConvergenceInput): Promise<void> {
      await db.transaction((tx) => markConverged(tx, of))
    },

    /** Marks servers that did not answer for long; the dispatcher has the operation recovered until it is taken back whole. */
    async abandonConvergence({ of, reason }: ConvergenceInput & { reason: string }): Promise<void> {
      await db.transaction((tx) => markUnconverged(tx, of))
      await warn(db, of, { code: 'not_taken_back', message: `What was begun could not be taken back whole: ${reason}` })
    },

    /** Ends for good what the operation may still have running on a server: its steps, then its one-off containers. */
    async stopWork({ operationId, of, order, serverId }: OnServer): Promise<void> {
      const steps = await unfinishedWorkOn(db, of, serverId)
      for (const step of steps) await stopForGood(deps, serverId, step)
      const operation = await operationById(db, of)
      const { hash } = operation
      const environmentId = environmentOfOperation(operation)
      if (environmentId === null) return
      const [service] = await environmentServices(db, keyring, environmentId)
      const application = service && configuredService(service).application
      if (!application) return
      await runStep(deps, { operationId, order, serverId, step: application.stopOneOffs({ operationHash: hash }) })
    },

    /** Removes an image that only this operation has built from its server; what a registry has of it stays there. */
    async discardImage({ operationId, order, serverId, artifactId }: OnServer & { artifactId: ArtifactId }): Promise<void> {
      const { imageTag, registryRef, key, imageDigest } = await artifactById(db, artifactId)
      const stored = registryRef === null ? [] : [storedTag(registryRef, key), imageDigest]
      const names = [imageTag, ...stored].flatMap((name) => name ?? [])
      await runStep(deps, { operationId, order, serverId, step: removeImage(names) })
      await discardArtifact(db, artifactId)
    },
  }
}

async function stopForGood(deps: ActivityDeps, serverId: ServerId, step: UnfinishedStep): Promise<void> {
  const { db, keyring, ssh } = deps
  const login = step.user === 'root' ? await rootLogin(deps, serverId) : 'management'
  const remote = ssh.to(await serverAccess(db, keyring, serverId, login))
  await remote.stopStep(step).catch((error: unknown) => {
    throw asFailure(error, step.name)
  })
  await endStep(db, step.id, { status: 'cancelled' })
}

/** Root's own login while the adoption key is there, else Keystone's, which may become root. */
async function rootLogin({ db, keyring }: ActivityDeps, serverId: ServerId): Promise<Login> {
  return serverAccess(db, keyring, serverId, 'adoption').then(() => 'adoption', () => 'management')
}
