import type { Failure } from './operations.ts'
import type { Warning } from './warnings.ts'

/**
 * What a release may be (design section 8). `preparing`: its image is being made or looked for; `in_progress`: it is rolled out;
 * `successful`: it is live, one per environment; `failed`: its operation failed or was cancelled, and was taken back;
 * `obsolete`: a later one replaced it; `downgraded`: a rollback to an older one took it back.
 */
export const releaseStatuses = ['preparing', 'in_progress', 'successful', 'failed', 'obsolete', 'downgraded'] as const
export type ReleaseStatus = (typeof releaseStatuses)[number]

/** Statuses of releases that were live at some time: to these one can go back. */
export const oncePublished = ['successful', 'obsolete', 'downgraded'] as const satisfies readonly ReleaseStatus[]

/** What a release remembers of one of its services. */
export interface ReleasedService {
  name: string
  imageDigest: string
  configHash: string
  config: Record<string, unknown>
}

/** What decides whether an environment can go back to a release. */
export interface RollbackTarget {
  number: number
  status: ReleaseStatus
  /** Null where its image was built elsewhere and does not say. */
  commitSha: string | null
  isLive: boolean
  isPruned: boolean
  /** As the database knows it: the server itself is asked when the rollback runs. */
  hasImage: boolean
}

/** Why an environment cannot go back to this release, and what to do instead; null where it can. */
export function rollbackRefusal({ number, status, commitSha, isLive, isPruned, hasImage }: RollbackTarget): Failure | null {
  if (isLive) {
    return { code: 'release_is_live', message: `Release ${number} is what runs already.`, hint: 'Choose an earlier release.' }
  }
  if (!oncePublished.some((published) => published === status)) {
    const message = `Release ${number} was never live: it is ${status.replace('_', ' ')}.`
    return { code: 'release_never_live', message, hint: 'Choose a release that was live.' }
  }
  return isPruned || !hasImage ? imageGone({ number, commitSha }) : null
}

/** The image of a release is not there any more. */
export function imageGone({ number, commitSha }: Pick<RollbackTarget, 'number' | 'commitSha'>): Failure {
  return {
    code: 'image_gone',
    message: `The image of release ${number} is not there any more.`,
    hint: deployInstead(commitSha),
  }
}

const deployInstead = (commitSha: string | null): string =>
  commitSha === null ? 'Deploy another image instead.' : `Deploy commit ${commitSha} instead: its image is built again.`

/** The image of a release was stored in no registry, and is not on every server where it is to run. */
export function imageElsewhere({ number, commitSha }: Pick<RollbackTarget, 'number' | 'commitSha'>): Failure {
  return {
    code: 'image_elsewhere',
    message: `The image of release ${number} is in no registry, and not on every server where the environment runs now.`,
    hint: deployInstead(commitSha),
  }
}

/** The image of a release was not made for all the servers where it is to run: one of another kind has come since. */
export function imageForOthers({ number, commitSha }: Pick<RollbackTarget, 'number' | 'commitSha'>, missing: readonly string[]): Failure {
  return {
    code: 'platform_missing',
    message: `The image of release ${number} was not built for ${missing.join(' and ')}, which the environment runs on now.`,
    hint: deployInstead(commitSha),
  }
}

/** Nothing runs yet whose configuration could be changed. */
export const notDeployed = (environment: string): Failure => ({
  code: 'not_deployed',
  message: `${environment} has not been deployed yet, so there is no image that its configuration could be changed for.`,
  hint: 'Deploy it: the first deploy has all that is set.',
})

/** Nothing was live before the release that is. */
export const noEarlierRelease = (environment: string): Failure => ({
  code: 'no_earlier_release',
  message: `${environment} has no release before the live one.`,
  hint: 'Deploy the commit that you want instead.',
})

/** Releases whose migrations a rollback leaves in the database. */
export function migrationWarning(numbers: readonly number[]): Warning | null {
  if (numbers.length === 0) return null
  const releases = `${numbers.length === 1 ? 'release' : 'releases'} ${numbers.join(', ')}`
  return { code: 'migrations_stay', message: `Migrations are never reverted: the database stays as ${releases} left it.` }
}

/** Services that were added later: they run the older image, with the configuration that they have today. */
export function addedServicesWarning(number: number, names: readonly string[]): Warning | null {
  if (names.length === 0) return null
  const message = `Not part of release ${number}, and started from its image with today's configuration: ${names.join(', ')}.`
  return { code: 'services_added', message }
}
