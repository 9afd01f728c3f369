import type { DeployPlan } from './deploy-plan.ts'
import type { SnapshotGateway } from './deploy-snapshot.ts'
import type { Failure } from './operations.ts'

/** Why traffic cannot be switched as planned, and what to do before; null where it can, or nothing is to be switched. */
export function switchRefusal(gateways: readonly SnapshotGateway[], plan: Pick<DeployPlan, 'gateways'>): Failure | null {
  const [stopped] = gateways.filter(({ serviceId, isStopped }) => isStopped && plan.gateways.some((gateway) => gateway.serviceId === serviceId))
  if (!stopped) return null
  const { name, serverName } = stopped
  return {
    code: 'gateway_stopped',
    message: `${name} on ${serverName} has routes of the environment and is stopped: it cannot send traffic to new replicas.`,
    hint: `Start ${name}, then try again.`,
  }
}
