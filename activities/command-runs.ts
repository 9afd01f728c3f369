import { z } from 'zod'
import { environmentServices } from '../db/engine-services.ts'
import { idOf } from '../db/ids.ts'
import { operationById } from '../db/operations/begin.ts'
import { commitOnce } from '../db/operations/commit.ts'
import { liveRelease } from '../db/releases.ts'
import { type AskedCommand, commandRefusal } from '../domain/commands.ts'
import type { EnvironmentId } from '../domain/ids.ts'
import { quote } from '../drivers/ssh/quote.ts'
import type { ActivityDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { type LivePlace, livePlace } from './live-place.ts'
import type { OperationInput } from './operations.ts'
import { primaryOf } from './placed-environment.ts'

/** A command line for the shell of a container of the live release. */
export interface CommandPlan extends LivePlace {
  command: string
}

const asked = z.object({ command: z.union([z.string(), z.array(z.string())]), serviceId: z.string().optional() })

/** Commands that a person asks for. */
export function commandRunActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  return {
    /**
     * With which image, where and by which command line a `command_run` runs what its input says. Fails for the reasons of
     * `commandRefusal`, and as `service_not_running` where no replica of its service runs the live release, or it is gone.
     */
    async planCommand({ operationId }: OperationInput): Promise<CommandPlan> {
      const { targetId, input } = await operationById(db, operationId)
      const { command, serviceId }: AskedCommand = asked.parse(input)
      const environmentId = idOf<EnvironmentId>(targetId)
      const { environmentName, release } = await liveRelease(db, environmentId)
      const refusal = commandRefusal({ environment: environmentName, isDeployed: release !== null })
      if (refusal) throw finalFailure(refusal)
      const services = await environmentServices(db, keyring, environmentId)
      const service = serviceId === undefined ? primaryOf(services) : services.find(({ id }) => id === serviceId)
      if (!service) throw finalFailure({ code: 'service_not_running', message: `Its service is not part of ${environmentName} any more.` })
      const place = await livePlace(db, { environmentId, release, service })
      return { ...place, command: typeof command === 'string' ? command : quote(command) }
    },

    /** The commit point of a command: it has ended well, and nothing of it is to be ended any more. */
    async recordCommand({ operationId }: OperationInput): Promise<void> {
      await commitOnce(db, operationId, async () => {})
    },
  }
}
