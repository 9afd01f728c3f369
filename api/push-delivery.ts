import type { NewDelivery, ReceivingEnvironment, WebhookIntake, WebhookReceiver } from '../db/webhook-intake.ts'
import type { Delivery, PushResult } from '../db/webhooks.ts'
import { type Push, type PushedVersion, type Reason, type Told, toldBefore, triggerPathsOf, verdictOn } from '../domain/pushes.ts'

/** A signed delivery, and what it tells. */
export interface PushDelivery {
  receiver: WebhookReceiver
  delivery: Pick<NewDelivery, 'provider' | 'event' | 'deliveryId' | 'bodyHash'>
  told: Told
}

/** What came of a delivery so far; `isRepeated` where it was that of one before, which is told again. */
export type Received = Pick<Delivery, 'id' | 'event' | 'reason' | 'results'> & { isRepeated: boolean }

/**
 * Stores a delivery with what is known at once of what comes of it; one that has come before causes nothing. What is to be deployed is
 * requested by a dispatcher afterwards (`dispatcher/pushes.ts`): that takes longer than git hosts wait when many push.
 */
export async function receivePush(intake: WebhookIntake, { receiver, delivery, told }: PushDelivery): Promise<Received> {
  const { id: applicationId, organisationId } = receiver
  const outcome = 'ignored' in told ? { reason: told.ignored, results: [] } : outcomeOf(receiver, told.push)
  const found = await intake.store({ organisationId, applicationId, ...delivery, ...movedBy(told), ...outcome })
  if ('first' in found) return { ...found.first, isRepeated: true }
  return { id: found.id, event: delivery.event, ...outcome, isRepeated: false }
}

function movedBy(told: Told): Pick<NewDelivery, 'ref' | 'before' | 'after' | 'pusher'> {
  if ('ignored' in told) return { ref: told.ref, before: null, after: null, pusher: null }
  const { ref, before, after, pusher } = told.push
  return { ref: `refs/${ref.kind === 'branch' ? 'heads' : 'tags'}/${ref.name}`, before, after, pusher }
}

/** Judges by what every environment of the application says; the same move that another hook has told of is no other push. */
function outcomeOf(receiver: WebhookReceiver, push: Push): Pick<Delivery, 'reason' | 'results'> {
  const { environments, name } = receiver
  if (environments.length === 0) return { reason: noEnvironment(name), results: [] }
  if (environments.some((environment) => hasTold(environment, push))) return { reason: toldBefore, results: [] }
  return { reason: null, results: environments.map((environment) => resultOf(receiver, environment, push)) }
}

const noEnvironment = (name: string): Reason => ({ code: 'no_environment', message: `${name} has no environment to deploy to.` })

const hasTold = ({ branch, newest }: ReceivingEnvironment, { ref, before, after }: Push): boolean =>
  ref.kind === 'branch' && ref.name === branch && newest?.before === before && newest.after === after

function resultOf(receiver: WebhookReceiver, environment: ReceivingEnvironment, push: Push): PushResult {
  const isBuilt = environment.buildStrategy !== 'external_registry'
  const verdict = verdictOn(push, { ...environment, isBuilt, triggerPaths: triggerPathsOf(environment, receiver) }, environment.newest?.after ?? null)
  const named = { environmentId: environment.id, environmentName: environment.name, operationId: null }
  if ('ignored' in verdict) return { ...named, reason: verdict.ignored }
  const version: PushedVersion = verdict.deploys === 'tag' ? { tag: push.ref.name, commit: push.commit } : { condition: verdict.condition }
  return { ...named, reason: null, version }
}
