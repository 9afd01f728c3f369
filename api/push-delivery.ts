import type { Database } from '../db/connect.ts'
import type { Environment } from '../db/environments.ts'
import { type PushedVersion, requestPushDeploy } from '../db/push-deploys.ts'
import {
  type Delivery,
  environmentsToPushTo,
  type NewDelivery,
  newestMove,
  type PushResult,
  recordResults,
  storeDelivery,
  type WebhookReceiver,
} from '../db/webhooks.ts'
import type { Trigger } from '../domain/operations.ts'
import { type Push, type Reason, type Told, triggerPathsOf, type Verdict, verdictOn } from '../domain/pushes.ts'
import type { ApiDependencies } from './context.ts'
import { refuseUndeployable } from './deployment.ts'
import { Problem } from './problem.ts'

/** A signed delivery, and what it tells. */
export interface PushDelivery {
  receiver: WebhookReceiver
  delivery: Omit<NewDelivery, 'ref' | 'before' | 'after'>
  told: Told
}

/** What came of a delivery; `isRepeated` where it was that of one before, which is told again. */
export type Received = Pick<Delivery, 'id' | 'event' | 'reason' | 'results'> & { isRepeated: boolean }

/** Stores a delivery and requests what it causes, in one transaction; one that has come before causes nothing. */
export async function receivePush(deps: ApiDependencies, { receiver, delivery, told }: PushDelivery): Promise<Received> {
  if ('ignored' in told) {
    const { ignored: reason, ref } = told
    return stored(deps, { ...delivery, ref, before: null, after: null }, async () => ({ reason, results: [] }))
  }
  const { push } = told
  const { before, after, pusher } = push
  const decided = await decisions(deps, receiver, push)
  const trigger = { by: 'webhook' as const, actor: pusher, cause: causeOf(push) }
  return stored(deps, { ...delivery, ref: refOf(push), before, after }, async (tx) => {
    if ('reason' in decided) return { reason: decided.reason, results: [] }
    const results: PushResult[] = []
    for (const decision of decided.environments) results.push(await resultOf(tx, { ...decision, applicationName: receiver.name, trigger }))
    return { reason: null, results }
  })
}

type Outcome = Pick<Delivery, 'reason' | 'results'>

async function stored({ db }: ApiDependencies, delivery: NewDelivery, act: (tx: Database) => Promise<Outcome>): Promise<Received> {
  return db.transaction(async (tx) => {
    const found = await storeDelivery(tx, delivery)
    if ('first' in found) return { ...found.first, isRepeated: true }
    const outcome = await act(tx)
    await recordResults(tx, found.id, outcome)
    return { id: found.id, event: delivery.event, ...outcome, isRepeated: false }
  })
}

const refOf = ({ ref: { kind, name } }: Push): string => `refs/${kind === 'branch' ? 'heads' : 'tags'}/${name}`

const causeOf = ({ ref: { kind, name }, commit }: Push): string =>
  kind === 'branch' ? `push of ${commit.slice(0, 7)} to ${name}` : `tag ${name} at ${commit.slice(0, 7)}`

/** What is to be done with one environment. */
interface Decision {
  environment: Environment
  decision: { version: PushedVersion } | { reason: Reason }
}

/** Looks at every environment of the application, before anything is stored; the same move that another hook has told of is no other push. */
async function decisions(deps: ApiDependencies, receiver: WebhookReceiver, push: Push): Promise<{ reason: Reason } | { environments: Decision[] }> {
  const newest = await newestMove(deps.db, receiver.id, refOf(push))
  if (newest?.before === push.before && newest.after === push.after) return { reason: toldBefore }
  const environments = await environmentsToPushTo(deps.db, receiver.id)
  if (environments.length === 0) return { reason: noEnvironment(receiver.name) }
  const decided: Decision[] = []
  for (const { environment, isAwaited } of environments) {
    const triggerPaths = triggerPathsOf(environment, receiver)
    const target = { ...environment, triggerPaths, isBuilt: environment.buildStrategy !== 'external_registry' }
    const verdict = verdictOn(push, target, newest?.after ?? null)
    decided.push({ environment, decision: await deployable(deps, environment, { push, verdict, isAwaited }) })
  }
  return { environments: decided }
}

const toldBefore: Reason = { code: 'told_before', message: 'Another delivery has told of this very push.' }

const noEnvironment = (name: string): Reason => ({ code: 'no_environment', message: `${name} has no environment to deploy to.` })

interface Judged {
  push: Push
  verdict: Verdict
  isAwaited: boolean
}

/**
 * What cannot be deployed as it is set up is refused for the reason for which a deployment by hand would be. Where one waits already that has
 * been looked at: git hosts do not wait long, and many pushes come at once.
 */
async function deployable(deps: ApiDependencies, environment: Environment, { push, verdict, isAwaited }: Judged): Promise<Decision['decision']> {
  if ('ignored' in verdict) return { reason: verdict.ignored }
  const version = verdict.deploys === 'tag' ? { tag: push.ref.name, commit: push.commit } : { condition: verdict.condition }
  if (isAwaited) return { version }
  return refuseUndeployable(deps, environment).then(
    () => ({ version }),
    (error: unknown) => {
      if (!(error instanceof Problem)) throw error
      return { reason: { code: error.code, message: error.detail } }
    },
  )
}

interface Deciding extends Decision {
  applicationName: string
  trigger: Trigger & { by: 'webhook' }
}

async function resultOf(tx: Database, { environment, decision, applicationName, trigger }: Deciding): Promise<PushResult> {
  const named = { environmentId: environment.id, environmentName: environment.name }
  if ('reason' in decision) return { ...named, operationId: null, reason: decision.reason }
  const { id } = await requestPushDeploy(tx, { environment, applicationName, version: decision.version, trigger })
  return { ...named, operationId: id, reason: null }
}
