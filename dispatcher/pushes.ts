import { whyUndeployable } from '../activities/undeployable.ts'
import type { Database } from '../db/connect.ts'
import { type PushDeploy, requestPushDeploys } from '../db/push-deploys.ts'
import { pushedEnvironments, recordSettled, type SettledPush, takePushes, type UnsettledPush, unsettledPushes } from '../db/unsettled-pushes.ts'
import type { ApplicationId, EnvironmentId, OperationId } from '../domain/ids.ts'
import type { Trigger } from '../domain/operations.ts'
import { type PushedVersion, type Reason, together, toldBefore } from '../domain/pushes.ts'

const mostAtOnce = 200

/**
 * Works out what the pushes of an application come to whose deliveries are stored, in the order in which they came, and requests what is
 * to be deployed. Many at once come to one deployment of each environment. A batch is a transaction: one that is broken off has done nothing.
 */
export async function settlePushes(db: Database, applicationId: ApplicationId): Promise<void> {
  while ((await settleBatch(db, applicationId)) === mostAtOnce);
}

async function settleBatch(db: Database, applicationId: ApplicationId): Promise<number> {
  return db.transaction(async (tx) => {
    if (!(await takePushes(tx, applicationId))) return 0
    const pushes = await unsettledPushes(tx, applicationId, mostAtOnce)
    const outcomes = await outcomesOf(tx, wishesIn(pushes))
    await recordSettled(tx, pushes.map((push) => settled(push, outcomes)))
    return pushes.length
  })
}

/** What the newest push wants of an environment, for the reasons of all. */
type Wish = Omit<PushDeploy, 'environment'>

function wishesIn(pushes: readonly UnsettledPush[]): Map<EnvironmentId, Wish> {
  const wishes = new Map<EnvironmentId, Wish>()
  for (const push of pushes.filter(({ isToldBefore }) => !isToldBefore)) {
    for (const { environmentId, version } of push.results) {
      if (!version) continue
      const earlier = wishes.get(environmentId)
      wishes.set(environmentId, {
        applicationName: push.applicationName,
        version: earlier ? together(earlier.version, version) : version,
        trigger: triggerOf(push, version),
      })
    }
  }
  return wishes
}

function triggerOf({ ref, after, pusher }: UnsettledPush, version: PushedVersion): Trigger & { by: 'webhook' } {
  const cause = 'tag' in version ? `tag ${version.tag} at ${short(version.commit)}` : `push of ${short(after ?? '')} to ${(ref ?? '').replace('refs/heads/', '')}`
  return { by: 'webhook', actor: pusher ?? 'webhook', cause }
}

const short = (commit: string): string => commit.slice(0, 7)

type Outcome = { operationId: OperationId } | { reason: Reason }

async function outcomesOf(tx: Database, wishes: ReadonlyMap<EnvironmentId, Wish>): Promise<Map<EnvironmentId, Outcome>> {
  const outcomes = new Map<EnvironmentId, Outcome>()
  const deploys: PushDeploy[] = []
  for (const { environment, isAwaited } of await pushedEnvironments(tx, [...wishes.keys()])) {
    const wish = wishes.get(environment.id)
    // Where one waits already that has been looked at.
    const why = isAwaited ? null : await whyUndeployable(tx, environment)
    if (why) outcomes.set(environment.id, { reason: { code: why.code, message: why.message } })
    else if (wish) deploys.push({ ...wish, environment })
  }
  for (const [id, operationId] of await requestPushDeploys(tx, deploys)) outcomes.set(id, { operationId })
  return outcomes
}

function settled({ id, results, isToldBefore }: UnsettledPush, outcomes: ReadonlyMap<EnvironmentId, Outcome>): SettledPush {
  if (isToldBefore) return { id, reason: toldBefore, results: [] }
  return {
    id,
    reason: null,
    results: results.map(({ version, ...result }) => (version ? { ...result, ...(outcomes.get(result.environmentId) ?? removed(result)) } : result)),
  }
}

const removed = ({ environmentName }: { environmentName: string }): Outcome => ({
  reason: { code: 'environment_removed', message: `${environmentName} was removed before the push had been looked at.` },
})
