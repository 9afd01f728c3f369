import { loadStackConfig } from '../../config.ts'
import type { Say } from '../say.ts'
import { findTemporalCli } from '../temporal-cli.ts'
import { runNode } from './command.ts'

/** What a test needs beyond the checkout and takes minutes to make: null when it is there, else why it cannot be. */
export type Preparation = Promise<string | null>

export function prepareTemporal(env: NodeJS.ProcessEnv, say: Say): Preparation {
  return findTemporalCli(loadStackConfig(env).temporalCli, say).then(
    () => null,
    (error: unknown) => (error instanceof Error ? error.message : String(error)),
  )
}

/** Docker and the images of the lab, by a process of its own: it is test code. */
export async function prepareLab(): Preparation {
  const code = await runNode(['--import', 'tsx', 'test/setup/prepare-lab.ts'])
  return code === 0 ? null : 'the lab is not ready (see above)'
}
