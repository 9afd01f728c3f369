import type { Secret } from '../../domain/secret.ts'

/** The variables under their names, or with an attachment's prefix before each (`ANALYTICS_` → `ANALYTICS_DB_HOST`). */
export function prefixed(prefix: string | null, variables: Record<string, string | Secret>): Record<string, string | Secret> {
  return Object.fromEntries(Object.entries(variables).map(([name, value]) => [`${prefix ?? ''}${name}`, value]))
}
