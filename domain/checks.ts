import type { Warning } from './warnings.ts'

/** What a plan knows of an environment that its user may want otherwise; nothing of it is changed for them. */
export interface EnvironmentFacts {
  /** In the API, `/organisations/…/environments/…`. */
  path: string
  /** As the web service will see them; null where nobody sets them. */
  settings: { appEnv: string | null; appDebug: string | null; filesystemDisk: string | null }
  /** Folders that are volumes of each server. */
  persistentPaths: readonly string[]
  /** How many servers have replicas for the web. */
  webServers: number
  /** How its parts on different servers reach each other. */
  links: readonly Link[]
  /** Servers of the environment that are known to have little room left. */
  fullDisks: readonly { serverName: string; freeMb: number }[]
}

/** From some servers to others; those that are near share a location. */
export interface Link {
  kind: 'data' | 'upstream'
  /** The data service, or the environment that a gateway routes to. */
  name: string
  from: readonly string[]
  to: readonly string[]
  isPublic: boolean
  isNear: boolean
}

/** An image of another version, and what a build needs for it. */
const neededMb = 3 * 1024

/** Whether so little of a server's disk is left that people should know. */
export const isNearlyFull = (freeMb: number): boolean => freeMb < neededMb

/** Every finding of these facts (specification section 15), the gravest first. */
export function environmentWarnings(facts: EnvironmentFacts): Warning[] {
  return [...debug(facts), ...facts.links.flatMap(link), ...disk(facts), ...facts.fullDisks.map(fullDisk)]
}

function debug({ path, settings: { appEnv, appDebug } }: EnvironmentFacts): Warning[] {
  if (appEnv !== 'production' || !isOn(appDebug)) return []
  return [
    {
      code: 'debug_in_production',
      message: 'APP_DEBUG is on in production: an error page shows variables, and so secrets, to whoever asks.',
      hint: 'Set it to false, and deploy.',
      request: { method: 'PUT', path: `${path}/variables/APP_DEBUG`, body: { value: 'false' } },
    },
  ]
}

/** As Laravel reads a variable. */
const isOn = (value: string | null): boolean => ['true', '(true)', '1', 'on', 'yes'].includes((value ?? '').toLowerCase())

function link({ kind, name, from, to, isPublic, isNear }: Link): Warning[] {
  const by = kind === 'data' ? `from ${from.join(', ')}` : `by the gateway on ${from.join(', ')}`
  const way = `${name} on ${to.join(', ')} is reached ${by}`
  const open: Warning = {
    code: 'public_fallback',
    message: `${way} over the internet, unencrypted.`,
    hint: 'Give both servers addresses in one private network, and deploy.',
  }
  const far: Warning =
    kind === 'data'
      ? {
          code: 'database_far',
          message: `${way}, in another location: each query takes its way there and back.`,
          hint: `Have ${name} and the web service in the same location.`,
        }
      : {
          code: 'cross_location_upstream',
          message: `${way}, in another location: each request takes its way there and back.`,
          hint: 'Route the domain by a gateway in the same location.',
        }
  return [...(isPublic ? [open] : []), ...(isNear ? [] : [far])]
}

/** The one that every application has by default counts where files go to a local disk only. */
const defaultPath = 'storage/app'

function disk({ path, settings: { filesystemDisk }, persistentPaths, webServers }: EnvironmentFacts): Warning[] {
  if (webServers < 2) return []
  const isLocal = filesystemDisk === null || filesystemDisk === 'local' || filesystemDisk === 'public'
  const own = persistentPaths.filter((each) => isLocal || each !== defaultPath)
  if (own.length === 0 && !isLocal) return []
  const setting = filesystemDisk === null ? "FILESYSTEM_DISK is not set, and Laravel's own default is local" : `FILESYSTEM_DISK is ${filesystemDisk}`
  const folders = own.length === 0 ? '' : `${own.join(', ')} ${own.length === 1 ? 'is' : 'are'} kept on each server for itself`
  const reasons = [...(isLocal ? [setting] : []), ...(folders ? [folders] : [])].join(', and ')
  return [
    {
      code: 'local_disk',
      message: `The web service runs on ${webServers} servers, and ${reasons}: a file that one of them has stored the others do not have.`,
      hint: 'Store files in an object storage that all servers reach.',
      ...(isLocal ? { request: { method: 'PUT' as const, path: `${path}/variables/FILESYSTEM_DISK`, body: { value: 's3' } } } : {}),
    },
  ]
}

/** A server whose disk is nearly full. */
export const fullDisk = ({ serverName, freeMb }: EnvironmentFacts['fullDisks'][number]): Warning => ({
  code: 'disk_nearly_full',
  message: `Only ${freeMb} MB of the disk of ${serverName} are left, and a deployment needs room for another image.`,
  hint: 'Keep fewer releases (releaseRetention), remove what is no longer needed, or enlarge the disk.',
})
