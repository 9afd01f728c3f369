import { loadStackConfig } from '../../config.ts'
import type { Say } from '../say.ts'
import { findTemporalCli } from '../temporal-cli.ts'
import { runNode } from './command.ts'

/** Why tests cannot run here. It is a failure where something broke, and not where the machine lacks something. */
export interface Missing {
  reason: string
  isFailure: boolean
}

/** What tests need beyond the checkout and takes minutes to make: null when it is there. */
export type Preparation = Promise<Missing | null>

/** The exit code of `test/setup/prepare-lab.ts` on a machine without Docker. */
const noDocker = 3

export function prepareTemporal(env: NodeJS.ProcessEnv, say: Say): Preparation {
  return findTemporalCli(loadStackConfig(env).temporalCli, say).then(
    () => null,
    (error: unknown) => ({ reason: error instanceof Error ? error.message : String(error), isFailure: false }),
  )
}

/** Docker and the images of the lab, by a process of its own: it is test code. */
export async function prepareLab(): Preparation {
  const code = await runNode(['--import', 'tsx', 'test/setup/prepare-lab.ts'])
  if (code === 0) return null
  return code === noDocker
    ? { reason: 'there is no Docker (see above)', isFailure: false }
    : { reason: 'its images cannot be made (see above)', isFailure: true }
}
