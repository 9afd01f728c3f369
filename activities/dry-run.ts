import { newId } from '../db/ids.ts'
import type { EnvironmentDeployPlan } from '../domain/deploy-plan.ts'
import type { EnvironmentId, OperationId } from '../domain/ids.ts'
import type { Failure } from '../domain/operations.ts'
import { plannedConfigChange } from './config-changes.ts'
import { planIds, type Planned } from './deploy-rows.ts'
import { plannedDeploy } from './deploys.ts'
import type { PlanningDeps } from './deps.ts'
import { failureIn } from './failures.ts'

/** An operation that could be started; the input is what it would be started with. */
export interface ImaginedRollout {
  kind: 'environment_deploy' | 'config_change'
  environmentId: EnvironmentId
  input: Record<string, unknown>
}

/** What it would do; `given` is an image, `name@sha256:…`, that was built elsewhere. Else why it would fail before it did anything. */
export type DryRun = { plan: EnvironmentDeployPlan; given?: string } | { refusal: Failure }

/** The plan that the operation would compute at this moment, by the very code that it would compute it with; nothing is stored. */
export async function dryRun(deps: PlanningDeps, { kind, environmentId, input }: ImaginedRollout): Promise<DryRun> {
  const planned = { environment_deploy: plannedDeploy, config_change: plannedConfigChange }[kind]
  const ids = planIds(newId<OperationId>())
  return planned(deps, { targetId: environmentId, input, plan: null }, ids).then(shown, (error: unknown) => {
    const refusal = failureIn(error)
    if (!refusal) throw error
    return { refusal }
  })
}

const shown = ({ plan, given }: Planned): DryRun => ({ plan, ...(given === undefined ? {} : { given }) })
