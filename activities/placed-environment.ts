import { type EngineService, environmentServices } from '../db/engine-services.ts'
import { type DeployedEnvironment, environmentToDeploy } from '../db/releases.ts'
import { type Placement, placementsOf } from '../db/replicas.ts'
import type { EnvironmentId } from '../domain/ids.ts'
import { type ProcessRole, processRoles } from '../domain/services.ts'
import type { PlanningDeps } from './deps.ts'
import { finalFailure } from './failures.ts'

/** An environment with its own services, and where they should be. */
export interface PlacedEnvironment extends DeployedEnvironment {
  services: readonly EngineService[]
  /** The service that migrates and is scheduled by default: the first one for the web. */
  primary: EngineService
  /** The server of the primary service. */
  placement: Placement
  placements: readonly Placement[]
}

/** Fails as `nothing_to_deploy` where no service has a server. */
export async function placedEnvironment({ db, keyring }: PlanningDeps, environmentId: EnvironmentId): Promise<PlacedEnvironment> {
  const deployed = await environmentToDeploy(db, environmentId)
  if (isGone(deployed)) throw removed(deployed)
  const services = await environmentServices(db, keyring, environmentId)
  const primary = primaryOf(services)
  const placements = await placementsOf(db, services.map(({ id }) => id))
  const placement = placements.find(({ serviceId }) => serviceId === primary?.id)
  if (!primary || !placement) throw nothingToDeploy(deployed)
  return { ...deployed, services, primary, placements, placement }
}

/** The service that migrates, runs commands and ticks by default; undefined where there is none. */
export const primaryOf = (services: readonly EngineService[]): EngineService | undefined =>
  services.find((service) => roleOf(service) === 'web') ?? services[0]

/** What a service's main process is: the first of its roles. Throws where it has none that Keystone knows. */
export function roleOf({ processRoles: stored, name }: EngineService): ProcessRole {
  const role = processRoles.find((known) => known === stored[0])
  if (!role) throw new Error(`${name} has no process role`)
  return role
}

const isGone = ({ environment: { status } }: DeployedEnvironment): boolean => status === 'removing' || status === 'removed'

const removed = ({ environment: { name } }: DeployedEnvironment) =>
  finalFailure({ code: 'environment_removed', message: `${name} is removed.`, hint: 'Create another environment.' })

function nothingToDeploy({ environment }: DeployedEnvironment) {
  return finalFailure({ code: 'nothing_to_deploy', message: `${environment.name} has no service on any server.` })
}
