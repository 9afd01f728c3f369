import type { DeploySnapshot } from './deploy-snapshot.ts'
import type { ReplicaId, ServiceId } from './ids.ts'
import { backgroundWarnings } from './recommendations.ts'
import type { Warning } from './warnings.ts'

/** What the user should know once this is deployed, with these replicas ticking. */
export function planWarnings(snapshot: DeploySnapshot, schedulers: readonly ReplicaId[]): Warning[] {
  const { services, queueConnection, hasEmbeddedWorker, advice } = snapshot
  const hasWorkerService = services.some(({ role, wanted, left }) => role === 'worker' && wanted.length > 0 && left !== 'stopped')
  const { findings, ...recommended } = advice
  const work = { ...recommended, queueConnection, hasWorker: hasWorkerService || hasEmbeddedWorker, schedulers: schedulers.length }
  return [...backgroundWarnings(work), ...findings, ...stoppedWarnings(snapshot)]
}

function stoppedWarnings({ services, scheduler, advice }: DeploySnapshot): Warning[] {
  const serviceOf = (id: ServiceId) => advice.path.replace(/\/environments\/.*$/, `/services/${id}`)
  return services.filter(({ left }) => left === 'stopped').map(({ id, name }) => ({
    code: 'service_stopped',
    message: `${name} is stopped and stays so.${id === scheduler.targetServiceId ? ' Nothing ticks meanwhile, since the scheduler runs there.' : ''}`,
    hint: 'Start it when it is to run again.',
    request: { method: 'POST', path: `${serviceOf(id)}/start`, body: {} },
  }))
}
