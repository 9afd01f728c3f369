import type { z } from 'zod'
import { type Undeployable, whyUndeployable, whyUnplaced } from '../activities/undeployable.ts'
import type { Application } from '../db/applications.ts'
import type { Environment } from '../db/environments.ts'
import type { ApiDependencies } from './context.ts'
import { type GivenImage, givenImage } from './given-image.ts'
import { invalidField, Problem } from './problem.ts'
import { repositoryAccess, withDeployKey } from './repository.ts'
import type { newDeploymentSchema } from './schemas/deployment.ts'

/** Throws a 409 or 422 where the environment cannot be built and deployed as it is set up, before anything is started. */
export async function refuseUndeployable({ db }: ApiDependencies, environment: Environment): Promise<void> {
  refuse(await whyUndeployable(db, environment))
}

/** The same where nothing is built, as in a rollback. */
export async function refuseUnplaced({ db }: ApiDependencies, environment: Environment): Promise<void> {
  refuse(await whyUnplaced(db, environment))
}

function refuse(why: Undeployable | null): void {
  if (why) throw new Problem(why.status, why.code, why.message)
}

/** What is to be deployed, and how people call it. */
export interface Version {
  /** `operations.input` */
  input: { commit: string; branch: string } | (GivenImage & { named: string })
  /** Such as `2f4c1d0`, or the name of an image. */
  label: string
}

/**
 * The version that a wish stands for at this moment: a commit to be built, or an image that was built elsewhere. Throws a 422 that names
 * the field, SourceErrors naming the branch, and RegistryErrors.
 */
export async function versionToDeploy(deps: ApiDependencies, target: DeployTarget, wished: Wish): Promise<Version> {
  const { environment } = target
  if (environment.buildStrategy === 'external_registry') return imageVersion(deps, environment, wished)
  if (wished.image !== undefined) {
    throw invalidField('image', `${environment.name} is built by Keystone: leave it out, or set buildStrategy to external_registry`)
  }
  const branch = wished.branch ?? environment.branch
  const commit = await commitToDeploy(deps, target.application, { branch, commit: wished.commit, isBranchNamed: wished.branch !== undefined })
  return { input: { commit, branch }, label: commit.slice(0, 7) }
}

type Wish = z.output<typeof newDeploymentSchema>

interface DeployTarget {
  environment: Environment
  application: Application
}

async function imageVersion(deps: ApiDependencies, environment: Environment, { branch, commit, image }: Wish): Promise<Version> {
  const [field] = Object.entries({ branch, commit }).find(([, value]) => value !== undefined) ?? []
  if (field) throw invalidField(field, `${environment.name} is not built by Keystone: name an image instead`)
  const named = image ?? environment.image
  if (named === null) throw invalidField('image', `is missing: name one here, or as the image of ${environment.name}`)
  return { input: { ...(await givenImage(deps, environment, named)), named }, label: named }
}

/** The named commit, else the head of the branch at this moment. */
async function commitToDeploy(
  deps: ApiDependencies,
  application: Application,
  { branch, commit, isBranchNamed }: { branch: string; commit: Wish['commit']; isBranchNamed: boolean },
): Promise<string> {
  if (commit && !isBranchNamed) return commit
  const head = await deps.sources.head(await repositoryAccess(deps, application), branch).catch((error: unknown) => {
    throw withDeployKey(error, application)
  })
  return commit ?? head
}
