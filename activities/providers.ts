import { activityInfo, ApplicationFailure, Context } from '@temporalio/activity'
import { forgetGivenHostKey, orderOf, pinOwnHostKey, recordMachine } from '../db/machines.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { endStep, startStep } from '../db/operations/steps.ts'
import { providerAccess } from '../db/providers.ts'
import type { ProvisioningTarget } from '../db/server-access.ts'
import { markServerRemoved, markServerRemoving, serverState, usesOfServer } from '../db/server-removals.ts'
import type { OperationId, ServerId } from '../domain/ids.ts'
import { serverRefusal } from '../domain/removals.ts'
import { stepNumbers } from '../domain/step-numbers.ts'
import { firstBoot, publicLine } from '../drivers/providers/first-boot.ts'
import { dropGivenHostKey, makeHostKey } from '../drivers/servers/host-key.ts'
import type { ActivityDeps } from './deps.ts'
import { asFailure, finalFailure } from './failures.ts'
import type { OperationInput } from './operations.ts'
import { beating, runStep } from './remote-step.ts'

const numbers = stepNumbers.buyServer

interface OnTarget extends OperationInput {
  server: ProvisioningTarget
}

/** `operationId` does the work, `of` is the removal: the same, or the one that a recovery found lost. */
export interface ServerRemoval extends OperationInput {
  of: OperationId
}

/** Machines that are bought for servers, and removed with them. */
export function providerActivities(deps: ActivityDeps) {
  const { db, keyring, providers } = deps
  return {
    /**
     * Has the provider make the machine of a server, or goes on with the one that an earlier try has made, and returns when it runs.
     * A machine that has been worked with is left alone.
     */
    async createMachine({ operationId, server }: OnTarget): Promise<void> {
      const order = await orderOf(db, keyring, server.id)
      if (!order) return
      const { type: providerType, name, access } = await providerAccess(db, keyring, order.providerId)
      const { label, provide } = providers[providerType]
      const { loginKey, givenHostKey, ...wish } = order
      const text = `${label}: a ${wish.type} with ${wish.image} in ${wish.location}`
      const made = await asStep(deps, { operationId, order: numbers.create, name: 'create machine', text }, (signal) =>
        provide(access, { ...wish, loginKey: publicLine(loginKey), firstBoot: firstBoot(givenHostKey) }, signal),
      )
      const { id: providerServerId, address, privateAddress } = made
      const privateNetwork = wish.network === null ? null : `${name}/${wish.network}`
      await recordMachine(db, server.id, { providerServerId, address, privateAddress, privateNetwork })
    },

    /**
     * Has a new machine make a host key of its own, over a connection that is proven by the given one; that is pinned from then on, and
     * the given one, which the provider knows, is dropped over a connection that is proven by the machine's own.
     */
    async takeHostKey({ operationId, server: { id: serverId } }: OnTarget): Promise<void> {
      if (!(await orderOf(db, keyring, serverId))) return
      const asRoot = { operationId, serverId, user: 'root', login: 'adoption' } as const
      await pinOwnHostKey(db, serverId, await runStep(deps, { ...asRoot, order: numbers.hostKey, step: makeHostKey() }))
      await runStep(deps, { ...asRoot, order: numbers.givenHostKey, step: dropGivenHostKey() })
      await forgetGivenHostKey(db, serverId)
    },

    /** The point from which a removal only goes forward. Fails as `server_in_use` where something was put on the server meanwhile. */
    async beginServerRemoval({ operationId }: OperationInput): Promise<void> {
      const id = idOf<ServerId>((await operationById(db, operationId)).targetId)
      const { name } = await serverState(db, id)
      await commitOnce(db, operationId, async (tx) => {
        const refusal = serverRefusal(name, await usesOfServer(tx, id))
        if (refusal) throw finalFailure(refusal)
        await markServerRemoving(tx, id)
      })
    },

    /** Whether a machine was bought for the server that is removed, and how people call it. */
    async planServerRemoval({ of }: ServerRemoval): Promise<{ name: string; isBought: boolean }> {
      const { name, providerId } = await serverState(db, idOf<ServerId>((await operationById(db, of)).targetId))
      return { name, isBought: providerId !== null }
    },

    /** Has the provider remove what bears the labels of the server; fine where there is nothing any more. */
    async removeMachine({ operationId, of }: ServerRemoval): Promise<void> {
      const serverId = idOf<ServerId>((await operationById(db, of)).targetId)
      const { organisationId, providerId } = await serverState(db, serverId)
      if (!providerId) return
      const { type, access } = await providerAccess(db, keyring, providerId)
      const { label, remove } = providers[type]
      const step = { operationId, order: stepNumbers.serverRemove.remove, name: 'remove machine', text: `${label}: what bears the label keystone-server=${serverId}` }
      await asStep(deps, step, (signal) => remove(access, { organisationId, serverId }, signal))
    },

    /** The server is gone. */
    async recordServerRemoved({ of }: ServerRemoval): Promise<void> {
      await markServerRemoved(db, idOf<ServerId>((await operationById(db, of)).targetId))
    },
  }
}

interface ProviderStep extends OperationInput {
  order: number
  name: string
  /** What people see in the place of a script. */
  text: string
}

/** Something that a provider does, as a step of the operation: one that may be tried again is still running. */
async function asStep<Done>({ db }: ActivityDeps, { text, ...step }: ProviderStep, work: (signal: AbortSignal) => Promise<Done>): Promise<Done> {
  const stepId = await startStep(db, { ...step, serverId: null, user: 'keystone', script: text })
  try {
    const done = await beating(() => abandonable(work))
    await endStep(db, stepId, { status: 'succeeded' })
    return done
  } catch (error) {
    const failure = asFailure(error, step.name)
    if (failure instanceof ApplicationFailure && failure.nonRetryable) await endStep(db, stepId, { status: 'failed' })
    throw failure
  }
}

/** Whoever lets go leaves what the provider does to the next try, or to the removal of the server. */
async function abandonable<Done>(work: (signal: AbortSignal) => Promise<Done>): Promise<Done> {
  const context = Context.current()
  try {
    return await work(context.cancellationSignal)
  } catch (error) {
    if (!context.cancellationSignal.aborted) throw error
    if (context.cancellationDetails?.cancelRequested) throw await context.cancelled.catch((cancellation: unknown) => cancellation)
    throw ApplicationFailure.retryable(`${activityInfo().activityType} lets go of the provider, which goes on`, 'detached')
  }
}
