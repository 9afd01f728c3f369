import { z } from 'zod'
import type { EngineService } from '../db/engine-services.ts'
import { serverPlatforms } from '../db/artifacts.ts'
import { idOf } from '../db/ids.ts'
import type { Operation } from '../db/operations/request.ts'
import { migratedSince, releaseToRestore } from '../db/release-history.ts'
import type { ArtifactId, EnvironmentId, ReleaseId } from '../domain/ids.ts'
import type { Platform } from '../domain/images.ts'
import { addedServicesWarning, imageElsewhere, imageForOthers, imageGone, migrationWarning, type ReleasedService, rollbackRefusal } from '../domain/releases.ts'
import type { Warning } from '../domain/warnings.ts'
import { placedEnvironment, type RolloutFacts, snapshotOf } from './deploy-snapshot.ts'
import type { PlanningDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { replicaContext } from './replica-input.ts'

/** What a rollback is planned from. */
export interface RollbackFacts extends RolloutFacts {
  restored: { releaseId: ReleaseId; artifactId: ArtifactId; isStored: boolean }
  warnings: readonly Warning[]
}

/** `operations.input` of an `environment_rollback`; the release is one that was built, never a rollback itself. */
const rollbackRequested = z.object({ releaseId: z.uuid() })

/**
 * Reads what an `environment_rollback` is planned from. Pinned by the release are its image, its services' configuration and
 * the user's variables. Placement, numbers of replicas, limits, attachments and the scheduler are those of today, and so are
 * managed and system values: a rollback after a rotation works. What the user has set since stays set, for the next deploy. Fails
 * for the reasons of `rollbackRefusal`.
 */
export async function rollbackFacts(deps: PlanningDeps, rollback: Pick<Operation, 'targetId' | 'input'>): Promise<RollbackFacts> {
  const { db, keyring } = deps
  const environmentId = idOf<EnvironmentId>(rollback.targetId)
  const releaseId = idOf<ReleaseId>(rollbackRequested.parse(rollback.input).releaseId)
  const { release, artifact, variables } = await releaseToRestore(db, keyring, environmentId, releaseId)
  const refusal = rollbackRefusal(release)
  if (refusal || !artifact) throw finalFailure(refusal ?? imageGone(release))
  const found = await placedEnvironment(deps, environmentId)
  const isStored = artifact.digestKind === 'repo_digest'
  if (!isStored && found.placements.some(({ serverId }) => serverId !== artifact.serverId)) throw finalFailure(imageElsewhere(release))
  const missing = missingPlatforms(artifact.platform, await serverPlatforms(db, found.placements.map(({ serverId }) => serverId)))
  if (missing.length > 0) throw finalFailure(imageForOthers(release, missing))
  const services = found.services.map((service) => asReleased(service, release.services))
  const then = { ...found, services, primary: services.find(({ id }) => id === found.primary.id) ?? found.primary }
  const context = await replicaContext(deps, found.primary, variables.values)
  const snapshot = await snapshotOf(deps, then, { context, wantedArtifact: artifact.key })
  const added = services.filter(({ id }) => !release.services[id]).map(({ name }) => name)
  const warnings = [
    migrationWarning(await migratedSince(db, environmentId, release.number)),
    addedServicesWarning(release.number, added),
  ].flatMap((warning) => warning ?? [])
  const restored = { releaseId, artifactId: artifact.id, isStored }
  return { ...then, commit: release.commitSha, snapshot, variables, restored, warnings }
}

/** An image that was built elsewhere may be for any: its registry knows. */
export const missingPlatforms = (built: string | null, wanted: readonly Platform[]): Platform[] =>
  built === null ? [] : wanted.filter((platform) => !built.split(',').includes(platform))

/** A service with the configuration that the release had of it; one that came later stays as it is. */
const asReleased = (service: EngineService, released: Readonly<Record<string, ReleasedService>>): EngineService => ({
  ...service,
  config: released[service.id]?.config ?? service.config,
})
