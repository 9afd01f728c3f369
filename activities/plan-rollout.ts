import type { DeployPlan } from '../domain/deploy-plan.ts'
import type { DeploySnapshot } from '../domain/deploy-snapshot.ts'
import { switchRefusal } from '../domain/gateways.ts'
import { planDeploy, type PlanIds } from '../domain/plan-deploy.ts'
import { finalFailure } from './failures.ts'

/** The plan of whatever starts new replicas of an environment. Fails as `gateway_stopped` where they would get no traffic. */
export function planRollout(snapshot: DeploySnapshot, ids: PlanIds): DeployPlan {
  const plan = planDeploy(snapshot, ids)
  const refusal = switchRefusal(snapshot.gateways, plan)
  if (refusal) throw finalFailure(refusal)
  return plan
}
