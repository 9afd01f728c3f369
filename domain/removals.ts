import type { Failure } from './operations.ts'
import { readWarning, type StoredWarning, type Warning } from './warnings.ts'

/** What still needs a service, by names that people know; environments as `production of shop`. */
export interface ServiceUses {
  /** Environments that are attached, with the slice that each uses. */
  attached: readonly { environment: string; slice: string }[]
  /** Domains that a gateway routes. */
  routes: readonly { environment: string; domain: string }[]
  /** Environments whose images it builds. */
  builtFor: readonly string[]
  /** It is the web service that its environment consists of. */
  isPrimary: boolean
  /** The scheduler of its environment runs on it. */
  isScheduled: boolean
}

/** Why a service cannot be removed, and what to do before; null where it can. Data that somebody uses never goes. */
export function removalRefusal(name: string, uses: ServiceUses): Failure | null {
  const { attached, routes, builtFor, isPrimary, isScheduled } = uses
  if (attached.length > 0) {
    const used = attached.map(({ environment, slice }) => `${slice} (${environment})`)
    return inUse(`Environments use slices of ${name}: ${named(used)}.`, 'Detach it from these environments first.')
  }
  if (routes.length > 0) {
    const routed = routes.map(({ environment, domain }) => `${domain} (${environment})`)
    return inUse(`${name} routes ${named(routed)}.`, 'Remove these environments first, or their routes.')
  }
  if (builtFor.length > 0) return inUse(`${name} builds the images of ${named(builtFor)}.`, 'Give these environments another build strategy first.')
  if (isPrimary) {
    const message = `${name} is the web service that its environment consists of.`
    return { code: 'primary_service', message, hint: 'Stop it, or remove the environment.' }
  }
  if (!isScheduled) return null
  const message = `The scheduler of its environment runs on ${name}.`
  return { code: 'scheduler_target', message, hint: 'Choose another schedulerTargetServiceId for the environment and deploy it first.' }
}

const inUse = (message: string, hint: string): Failure => ({ code: 'service_in_use', message, hint })

const named = (names: readonly string[]): string => [...new Set(names)].toSorted().join(', ')

/** What a forced removal has left on a server that did not answer. */
export interface LeftBehind {
  server: string
  /** Names of containers that were to end there. */
  containers: readonly string[]
  /** A gateway runs there that has routes to what is removed. */
  hasGateway: boolean
  /** What it was of, `production of shop`. */
  origin: string
  /** By which all of it is known there, `keystone.environment=…`. */
  label: string
}

/** What people should know of a server that did not answer; said once for each. */
export function leftBehind({ server, containers, hasGateway, origin, label }: LeftBehind): Warning {
  const running = containers.length === 0 ? '' : ` ${named(containers)} may still run there.`
  const routing = hasGateway ? ' Its gateway may still have the routes.' : ''
  return {
    code: 'left_behind',
    message: `${silence(server)}, and nothing of ${origin} was removed there.${running}${routing}`,
    hint: `Where it comes back, remove what has the label ${label}: containers, networks, images and, if nobody needs their data, volumes.`,
  }
}

const silence = (server: string): string => `${server} did not answer`

/** Whether a stored warning is what is known of this server. */
export function isOfServer(stored: StoredWarning, server: string): boolean {
  const { code, message } = readWarning(stored)
  return code === 'left_behind' && message.startsWith(`${silence(server)},`)
}

/** Why an application cannot be deleted; null where it can. */
export function applicationRefusal(name: string, environments: readonly string[]): Failure | null {
  if (environments.length === 0) return null
  return { code: 'application_in_use', message: `${name} has environments: ${named(environments)}.`, hint: 'Remove them first.' }
}

/** What is on a server, by names. */
export interface ServerUses {
  services: readonly string[]
  /** Volumes that removed services have left there. */
  keptVolumes: readonly string[]
}

/** Why a server cannot be removed; null where it can: no service and no data goes with it. */
export function serverRefusal(name: string, { services, keptVolumes }: ServerUses): Failure | null {
  const refused = (has: string, hint: string): Failure => ({ code: 'server_in_use', message: `${name} has ${has}.`, hint })
  if (services.length > 0) return refused(`services: ${named(services)}`, 'Remove them first, or place them elsewhere and deploy them.')
  if (keptVolumes.length > 0) return refused(`volumes that were kept: ${named(keptVolumes)}`, 'Delete them first.')
  return null
}

/** What an organisation has, by names. */
export interface Possessions {
  applications: readonly string[]
  services: readonly string[]
  servers: readonly string[]
  providers: readonly string[]
  /** Summaries of operations that have not ended. */
  operations: readonly string[]
}

/** Why an organisation cannot be deleted; null where it can: nothing of it may run, and nothing be left that Keystone has a key of. */
export function organisationRefusal(name: string, has: Possessions): Failure | null {
  const [first] = (['applications', 'services', 'servers', 'providers', 'operations'] as const).filter((kind) => has[kind].length > 0)
  if (!first) return null
  const what = first === 'operations' ? 'operations that have not ended' : first
  return { code: 'organisation_in_use', message: `${name} has ${what}: ${named(has[first])}.`, hint: 'Remove what it has first.' }
}
