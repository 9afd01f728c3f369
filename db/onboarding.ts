import { and, eq, isNull, notInArray, sql } from 'drizzle-orm'
import type { OrganisationId, ServerId, ServiceId } from '../domain/ids.ts'
import type { Database } from './connect.ts'
import { applications, environments, gitHostKeys, providers, registries, servers, services } from './schema/index.ts'

const placedOn = sql<ServerId[]>`(
  select coalesce(json_agg(p.server_id order by p.server_id), '[]') from service_placements p where p.service_id = services.id)`

/** The servers of all its services. */
const serversOfEnvironment = sql<ServerId[]>`(
  select coalesce(json_agg(distinct p.server_id), '[]')
  from service_placements p join services s on s.id = p.service_id
  where s.environment_id = environments.id and s.status <> 'removed')`

const webService = sql<ServiceId | null>`(
  select s.id from services s
  where s.environment_id = environments.id and s.status <> 'removed' and s.process_roles ->> 0 = 'web'
  order by s.name limit 1)`

const attachedRoles = sql<string[]>`(
  select coalesce(json_agg(distinct a.role), '[]') from environment_attachments a where a.environment_id = environments.id)`

const isDeploying = sql<boolean>`exists (
  select from operations o where o.kind = 'environment_deploy' and o.target_id = environments.id and o.finished_at is null)`

const going = ['removing', 'removed'] as const

/** All that says how far an organisation is, one query for each kind of thing; what is being removed does not count. The oldest come first. */
export async function onboardingRows(db: Database, organisationId: OrganisationId) {
  const [providerRows, serverRows, registryRows, serviceRows, applicationRows, environmentRows, hostKeyRows] = await Promise.all([
    db.select({ id: providers.id }).from(providers).where(eq(providers.organisationId, organisationId)).orderBy(providers.id),
    db
      .select({ id: servers.id, name: servers.name, status: servers.status })
      .from(servers)
      .where(and(eq(servers.organisationId, organisationId), notInArray(servers.status, [...going])))
      .orderBy(servers.id),
    db
      .select({ id: registries.id, name: registries.name, takesBuilds: sql<boolean>`${registries.use} = 'push'` })
      .from(registries)
      .where(eq(registries.organisationId, organisationId))
      .orderBy(registries.id),
    db
      .select({ id: services.id, name: services.name, driverName: services.driverName, serverIds: placedOn })
      .from(services)
      .where(and(eq(services.organisationId, organisationId), isNull(services.environmentId), notInArray(services.status, [...going])))
      .orderBy(services.id),
    db
      .select({
        ...{ id: applications.id, name: applications.name, repositoryUrl: applications.repositoryUrl },
        ...{ deployKeyPublic: applications.deployKeyPublic, deployKeyInstalledAt: applications.deployKeyInstalledAt },
      })
      .from(applications)
      .where(and(eq(applications.organisationId, organisationId), isNull(applications.removedAt)))
      .orderBy(applications.id),
    db
      .select({
        ...{ id: environments.id, applicationId: environments.applicationId, name: environments.name, registryId: environments.registryId },
        ...{ buildStrategy: environments.buildStrategy, image: environments.image, currentReleaseId: environments.currentReleaseId },
        ...{ serverIds: serversOfEnvironment, webServiceId: webService, attached: attachedRoles, isDeploying },
      })
      .from(environments)
      .where(and(eq(environments.organisationId, organisationId), notInArray(environments.status, [...going])))
      .orderBy(environments.id),
    db.select({ host: gitHostKeys.host, port: gitHostKeys.port, key: gitHostKeys.key }).from(gitHostKeys).where(eq(gitHostKeys.organisationId, organisationId)),
  ])
  return {
    ...{ providers: providerRows, servers: serverRows, registries: registryRows, services: serviceRows },
    ...{ applications: applicationRows, environments: environmentRows, gitHostKeys: hostKeyRows },
  }
}

export type OnboardingRows = Awaited<ReturnType<typeof onboardingRows>>
