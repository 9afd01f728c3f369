import type { AttachmentRole } from './services.ts'

/**
 * Variables that make Laravel use what was attached (specification section 12). They are only recommended: what handles the
 * queue is never changed without the user.
 */
export function recommendedVariables(role: AttachmentRole): Record<string, string> {
  switch (role) {
    case 'cache':
      return { CACHE_STORE: 'redis', SESSION_DRIVER: 'redis' }
    case 'queue':
      return { QUEUE_CONNECTION: 'redis' }
    case 'database':
    case 'storage':
    case 'gateway':
    case 'custom':
      return {}
    default:
      return role satisfies never
  }
}
