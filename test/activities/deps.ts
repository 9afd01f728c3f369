import { pino } from 'pino'
import type { ActivityDeps } from '../../activities/deps.ts'
import { createRegistryDriver } from '../../drivers/registries/driver.ts'
import { createSourceDriver } from '../../drivers/sources/driver.ts'
import { noProviders } from '../no-providers.ts'

type Given = Pick<ActivityDeps, 'db' | 'keyring' | 'ssh'> & Partial<ActivityDeps>

/** What activities work with, beside what is given: nobody is told anything, and nothing is bought. */
export const activityDeps = (given: Given): ActivityDeps => ({
  registries: createRegistryDriver(),
  providers: noProviders,
  sources: createSourceDriver(),
  log: pino({ level: 'silent' }),
  notices: () => {},
  terminateWorkflow: async () => {},
  ...given,
})
