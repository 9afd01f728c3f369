import { serviceOfReplica } from '../db/engine-services.ts'
import { recordFiles, replicaById } from '../db/replicas.ts'
import type { ReplicaId } from '../domain/ids.ts'
import type { ReplicaImage } from '../domain/images.ts'
import { applicationOf } from './configured-services.ts'
import type { ActivityDeps } from './deps.ts'
import type { OperationInput } from './operations.ts'
import { runStep } from './remote-step.ts'
import { contextOfReplica, hashesOf, renderReplica } from './replica-input.ts'

/** A migration with the image and the variables of a replica; `command` is a command line for the container's shell. */
export interface MigrationRun extends OperationInput {
  order: number
  replicaId: ReplicaId
  command: string
  image: ReplicaImage
}

/** The same for a command of the user's; `name` is that of its step, unique within the operation. */
export interface CommandRun extends MigrationRun {
  name: string
}

/** Command lines in containers of their own, which need no replica that runs; never on the server itself. */
export function commandActivities(deps: ActivityDeps) {
  const { db, keyring } = deps
  const runOneOff = async ({ operationId, order, replicaId, image, ...command }: CommandRun & { repeatable: boolean }) => {
    const replica = await replicaById(db, replicaId)
    const service = await serviceOfReplica(db, keyring, replica)
    const context = await contextOfReplica(deps, service, replica)
    const { input, masked } = renderReplica(context, service, replica, image)
    const step = applicationOf(service).oneOff({ replica: input, ...command })
    await runStep(deps, { operationId, order, serverId: replica.serverId, step, masked })
    await recordFiles(db, replicaId, hashesOf(step.files))
  }
  return {
    /** Runs the migration, with the replica's variables and this image. */
    async migrate(run: MigrationRun): Promise<void> {
      await runOneOff({ ...run, name: 'migrate', repeatable: isRepeatable(run.command) })
    },

    /** Runs a pre-switch or post-switch command. Fails as `outcome_unknown` where it vanished: only its user knows whether it may run again. */
    async runCommand(run: CommandRun): Promise<void> {
      await runOneOff({ ...run, repeatable: false })
    },
  }
}

/** Laravel's own migrate goes on where it was; what does anything else may do it twice. */
const isRepeatable = (command: string) => /^php artisan migrate( --(force|isolated|graceful|step|no-interaction|ansi|no-ansi))*$/.test(command)
