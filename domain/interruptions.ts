import type { ProcessRole, ServiceCategory } from './services.ts'

/** A service about to be stopped or restarted, as its users see it. */
export interface Interrupted {
  name: string
  category: ServiceCategory
  role: ProcessRole | null
  /** It is one of an environment's: new replicas take over before the old ones go. */
  isOfEnvironment: boolean
}

/** What users notice while a service stops or restarts; null where they notice nothing. */
export function interruptionBy(change: 'stop' | 'restart', { name, category, role, isOfEnvironment }: Interrupted): string | null {
  if (change === 'restart') {
    if (isOfEnvironment) return null
    return `${name} is away until its container has started again: ${missing(category)} meanwhile.`
  }
  if (!isOfEnvironment) return `${name} is away until it is started again: ${missing(category)} until then.`
  switch (role) {
    case 'web':
      return `Every route to ${name} answers 503 until it is started again.`
    case 'worker':
      return `Jobs wait in their queue until ${name} is started again.`
    case 'websocket':
      return `Websockets to ${name} are closed, and not answered until it is started again.`
    case 'server':
    case null:
      return null
    default:
      return role satisfies never
  }
}

function missing(category: ServiceCategory): string {
  switch (category) {
    case 'database':
    case 'cache':
    case 'storage':
      return 'requests and jobs that need it fail'
    case 'gateway':
      return 'none of its domains is answered'
    case 'builder':
      return 'deployments that build there fail'
    case 'application':
      return 'it does not answer'
    default:
      return category satisfies never
  }
}
