import type { EnvironmentId } from '../../domain/ids.ts'
import { idOf } from '../ids.ts'
import type { Operation } from './request.ts'

/** The environment that an operation rolls out, whatever of it is its target, or is about; null where it is about none. */
export function environmentOfOperation({ plan, targetType, targetId }: Pick<Operation, 'plan' | 'targetType' | 'targetId'>): EnvironmentId | null {
  if (plan) return plan.environmentId
  return targetType === 'environment' ? idOf<EnvironmentId>(targetId) : null
}

/** The same where it has to be about one. Throws where it is not. */
export function environmentRolledOut(operation: Pick<Operation, 'id' | 'plan' | 'targetType' | 'targetId'>): EnvironmentId {
  const environmentId = environmentOfOperation(operation)
  if (environmentId === null) throw new Error(`operation ${operation.id} is about no environment`)
  return environmentId
}
