import type { Logger } from 'pino'
import type { Database } from '../db/connect.ts'
import type { Notices } from '../db/operations/notices.ts'
import type { Keyring } from '../domain/keyring.ts'
import type { Providers } from '../drivers/providers/registry.ts'
import type { RegistryDriver } from '../drivers/registries/driver.ts'
import type { SourceDriver } from '../drivers/sources/driver.ts'
import type { SshPool } from '../drivers/ssh/remote.ts'

/** What a plan is computed with: nothing of it is changed. */
export type PlanningDeps = Pick<ActivityDeps, 'db' | 'keyring'>

/** What activities work with; the worker wires it once. */
export interface ActivityDeps {
  db: Database
  keyring: Keyring
  ssh: SshPool
  registries: RegistryDriver
  providers: Providers
  sources: SourceDriver
  log: Logger
  notices: Notices
  /** Ends a workflow that may still run; fine when it does not. */
  terminateWorkflow(workflowId: string, reason: string): Promise<void>
}
