import { z } from 'zod'
import { idOf } from '../db/ids.ts'
import type { Operation } from '../db/operations/request.ts'
import { migratedSince, type ReleaseView, releaseToRestore } from '../db/release-history.ts'
import type { ArtifactId, EnvironmentId, ReleaseId } from '../domain/ids.ts'
import type { Platform } from '../domain/images.ts'
import { addedServicesWarning, imageElsewhere, imageForOthers, imageGone, migrationWarning, type ReleasedService, rollbackRefusal } from '../domain/releases.ts'
import type { Warning } from '../domain/warnings.ts'
import { leftOf, type RolloutFacts, snapshotOf } from './deploy-snapshot.ts'
import type { PlanningDeps } from './deps.ts'
import { finalFailure } from './failures.ts'
import { type PlacedEnvironment, placedEnvironment } from './placed-environment.ts'
import { platformsOf } from './platforms.ts'
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
  await refuseUnfitImage(deps, { release, artifact, placements: found.placements })
  const then = asReleased(found, release.services)
  const context = await replicaContext(deps, found.primary, variables.values)
  const snapshot = await snapshotOf(deps, then, { context, wantedArtifact: artifact.key })
  const added = then.services.filter((service) => leftOf(service) === null && !release.services[service.id]).map(({ name }) => name)
  const warnings = [
    migrationWarning(await migratedSince(db, environmentId, release.number)),
    addedServicesWarning(release.number, added),
  ].flatMap((warning) => warning ?? [])
  const restored = { releaseId, artifactId: artifact.id, isStored: isStored(artifact) }
  return { ...then, commit: release.commitSha, snapshot, variables, restored, warnings }
}

/** The image of a release that is to run once more, and where. */
interface ReusedImage {
  release: ReleaseView
  artifact: NonNullable<PlacedEnvironment['currentArtifact']>
  placements: PlacedEnvironment['placements']
}

/** Whether a registry has an image: else it is on one server alone. */
export const isStored = ({ digestKind }: Pick<ReusedImage['artifact'], 'digestKind'>): boolean => digestKind === 'repo_digest'

/** Fails as `image_elsewhere` or `platform_missing` where the image cannot run on each of these servers. */
export async function refuseUnfitImage({ db }: PlanningDeps, { release, artifact, placements }: ReusedImage): Promise<void> {
  const serverIds = placements.map(({ serverId }) => serverId)
  if (!isStored(artifact) && serverIds.some((id) => id !== artifact.serverId)) throw finalFailure(imageElsewhere(release))
  const missing = missingPlatforms(artifact.platform, await platformsOf(db, serverIds))
  if (missing.length > 0) throw finalFailure(imageForOthers(release, missing))
}

/** An image that was built elsewhere may be for any: its registry knows. */
const missingPlatforms = (built: string | null, wanted: readonly Platform[]): Platform[] =>
  built === null ? [] : wanted.filter((platform) => !built.split(',').includes(platform))

/** Services with the configuration that a release had of them; those that came later stay as they are. */
export function asReleased(found: PlacedEnvironment, released: Readonly<Record<string, ReleasedService>>): PlacedEnvironment {
  const services = found.services.map((service) => ({ ...service, config: released[service.id]?.config ?? service.config }))
  return { ...found, services, primary: services.find(({ id }) => id === found.primary.id) ?? found.primary }
}
