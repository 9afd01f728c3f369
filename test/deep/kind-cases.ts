import type { OperationKind } from '../../domain/operations.ts'
import { operationSchema } from '../../stack/demo/operation.ts'
import type { LabServer } from '../lab/index.ts'
import { attachment, environment, making, removing, route, service, serviceStandstill, slice, volume, webStandstill } from './fleeting.ts'
import type { Prepare, Stage } from './kind-stage.ts'
import {
  bootedServer,
  prepareChange,
  prepareKey,
  prepareLimit,
  prepareLoss,
  prepareReboot,
  prepareRollback,
  prepareRotation,
  prepareServer,
  prepareServerRemoval,
  prepareUpdate,
  whileWebRuns,
} from './preparations.ts'

/** An operation of a kind, from a state that is the same each time. */
export interface KindCase {
  kind: OperationKind
  /** Of what, where a kind has several. */
  of?: string
  /** About what one run takes. */
  minutes: number
  prepare: Prepare
  /** Where it works, other than on the server of the scene. */
  server?(stage: Stage): Promise<LabServer>
}

/** Kinds that have no case: why. */
export const withoutCase: Partial<Record<OperationKind, string>> = {
  environment_deploy: 'is killed in redeploy.test.ts and in test/chaos',
  replica_deploy: 'is a part of others',
  gateway_cutover: 'is a part of others',
}

/** Kinds by which things come and go. */
const ofThings: readonly KindCase[] = [
  { kind: 'slice_configure', of: 'a gateway', minutes: 0.5, prepare: making(route) },
  { kind: 'route_remove', minutes: 0.5, prepare: removing(route) },
  { kind: 'slice_provision', minutes: 0.5, prepare: making(slice) },
  { kind: 'slice_configure', of: 'a database', minutes: 0.5, prepare: prepareLimit },
  { kind: 'slice_detach', minutes: 0.5, prepare: removing(attachment) },
  { kind: 'slice_remove', minutes: 0.5, prepare: removing(slice) },
  { kind: 'service_deploy', minutes: 0.6, prepare: making(service) },
  { kind: 'service_stop', of: 'a cache', minutes: 0.6, prepare: making(serviceStandstill) },
  { kind: 'service_start', of: 'a cache', minutes: 0.6, prepare: removing(serviceStandstill) },
  { kind: 'service_remove', minutes: 0.6, prepare: removing(service) },
  { kind: 'volume_remove', minutes: 0.5, prepare: removing(volume) },
  { kind: 'service_stop', of: 'an environment', minutes: 0.7, prepare: making(webStandstill) },
  { kind: 'service_start', of: 'an environment', minutes: 0.7, prepare: removing(webStandstill) },
  { kind: 'environment_remove', minutes: 1.5, prepare: removing(environment) },
  { kind: 'server_provision', minutes: 1.2, prepare: prepareServer, server: bootedServer },
  { kind: 'server_remove', minutes: 1.2, prepare: prepareServerRemoval, server: bootedServer },
]

/** Something that is done to the server of the scene. */
const upkeep = (what: string): Prepare => async ({ scene, root }) => () => scene.client.post(`${root}/servers/${scene.prepared.serverId}/${what}`, undefined, operationSchema)

/** Kinds that change what stays. */
const ofWhatStays: readonly KindCase[] = [
  { kind: 'server_harden', minutes: 0.7, prepare: upkeep('harden') },
  { kind: 'server_key_rotation', minutes: 0.5, prepare: upkeep('rotate-key') },
  {
    ...{ kind: 'service_restart', of: 'a database', minutes: 0.6 },
    prepare: async ({ scene }) => async () => (await scene.organisation.restartService(scene.prepared.databaseId)).operation,
  },
  { kind: 'server_reboot', minutes: 0.8, prepare: prepareReboot },
  { kind: 'service_update', minutes: 0.7, prepare: prepareUpdate },
  { kind: 'key_rotation', minutes: 0.6, prepare: prepareKey },
  { kind: 'credential_rotation', minutes: 1, prepare: prepareRotation },
  { kind: 'config_change', minutes: 0.7, prepare: prepareChange },
  { kind: 'environment_rollback', minutes: 0.7, prepare: prepareRollback },
  { kind: 'operation_recover', minutes: 0.9, prepare: prepareLoss },
  {
    ...{ kind: 'migration_run', minutes: 0.6 },
    prepare: whileWebRuns(({ scene, visits }) => scene.organisation.migrate(visits.environmentId)),
  },
  {
    ...{ kind: 'command_run', minutes: 0.6 },
    prepare: whileWebRuns(({ scene, visits }) => scene.organisation.runCommand(visits.environmentId, { command: 'php artisan about && sleep 2' })),
  },
  {
    ...{ kind: 'service_restart', of: 'an environment', minutes: 0.7 },
    prepare: whileWebRuns(async ({ scene, webId }) => (await scene.organisation.restartService(webId)).operation),
  },
]

/** Every kind that somebody starts. */
export const kindCases: readonly KindCase[] = [...ofThings, ...ofWhatStays]
