import { type OnboardingRows, onboardingRows } from '../db/onboarding.ts'
import type { EnvironmentId, OrganisationId } from '../domain/ids.ts'
import { furthest } from '../domain/onboarding.ts'
import type { ApplicationFacts, EnvironmentFacts, OnboardingFacts } from '../domain/onboarding-step.ts'
import { pinnedHostKeys } from '../drivers/sources/known-hosts.ts'
import { parseRepositoryUrl } from '../drivers/sources/repository-url.ts'
import type { ApiDependencies } from './context.ts'

interface Asked {
  organisationId: OrganisationId
  /** Left out: the one that is furthest along. */
  environmentId?: EnvironmentId | undefined
}

/** How far an organisation is with one of its environments, or with an application that has none yet. */
export async function onboardingFacts({ db }: Pick<ApiDependencies, 'db'>, { organisationId, environmentId }: Asked): Promise<OnboardingFacts> {
  const rows = await onboardingRows(db, organisationId)
  const environment = chosenEnvironment(rows, environmentId)
  const isKeyInstalled = ({ deployKeyInstalledAt }: ApplicationRow) => deployKeyInstalledAt !== null
  const application = environment
    ? rows.applications.find(({ id }) => id === environment.applicationId)
    : (rows.applications.find(isKeyInstalled) ?? rows.applications[0])
  const { providers, registries, services } = rows
  return {
    ...{ path: `/organisations/${organisationId}`, providers, registries, services },
    servers: rows.servers.flatMap(({ status, ...server }) => (status === 'removing' || status === 'removed' ? [] : [{ ...server, status }])),
    application: application ? applicationFacts(application, rows) : null,
    environment: environment ? environmentFacts(environment) : null,
  }
}

type ApplicationRow = OnboardingRows['applications'][number]
type EnvironmentRow = OnboardingRows['environments'][number]

function chosenEnvironment({ environments, applications }: OnboardingRows, named: EnvironmentId | undefined): EnvironmentRow | undefined {
  if (named !== undefined) return environments.find(({ id }) => id === named)
  const withKey = new Set(applications.filter(({ deployKeyInstalledAt }) => deployKeyInstalledAt !== null).map(({ id }) => id))
  return furthest(
    environments.map((row) => ({
      row,
      isDeployed: row.currentReleaseId !== null,
      isKeyInstalled: withKey.has(row.applicationId),
      hasServers: row.serverIds.length > 0,
      attached: row.attached.length,
    })),
  )?.row
}

function applicationFacts(
  { id, name, repositoryUrl, deployKeyPublic, deployKeyInstalledAt }: ApplicationRow,
  { gitHostKeys }: OnboardingRows,
): ApplicationFacts {
  const { host, port } = parseRepositoryUrl(repositoryUrl)
  const confirmed = gitHostKeys.filter((one) => one.host === host && one.port === port).map(({ key }) => key)
  const gitHost = { host, port, isKnown: pinnedHostKeys({ host, port }, confirmed).length > 0 }
  return { id, name, deployKeyPublic, isKeyInstalled: deployKeyInstalledAt !== null, gitHost }
}

function environmentFacts(row: EnvironmentRow): EnvironmentFacts {
  const { id, name, serverIds, webServiceId, registryId, buildStrategy, currentReleaseId, isDeploying, attached } = row
  return {
    ...{ id, name, serverIds, webServiceId, registryId, isDeploying, attached },
    image: buildStrategy !== 'external_registry' ? 'built' : row.image === null ? 'unnamed' : 'named',
    hasBuilder: buildStrategy === 'dedicated_builder',
    isDeployed: currentReleaseId !== null,
  }
}
