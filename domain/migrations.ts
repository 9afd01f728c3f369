import type { Failure } from './operations.ts'

/** What decides whether the migration of an environment can be run by hand. */
export interface MigrationTarget {
  environment: string
  /** There is a release, and so an image with migrations. */
  isDeployed: boolean
  /** Of the primary service; null where none has one. */
  mode: 'auto' | 'manual' | 'disabled' | null
}

/** Why the migration cannot be run by hand, and what to do instead; null where it can. */
export function migrationRefusal({ environment, isDeployed, mode }: MigrationTarget): Failure | null {
  if (mode === null) {
    const message = `${environment} has no service that migrates: the one for the web does.`
    return { code: 'nothing_migrates', message, hint: 'Add a web service, and deploy it.' }
  }
  if (mode === 'disabled') {
    const message = `Migrations of ${environment} are disabled: migration.mode of its web service says so.`
    return { code: 'migrations_disabled', message, hint: 'Set the mode to manual, and they run when you ask for them.' }
  }
  if (isDeployed) return null
  const message = `${environment} has no release yet, so there is no image whose migrations could be run.`
  return { code: 'not_deployed', message, hint: 'Deploy it first.' }
}
