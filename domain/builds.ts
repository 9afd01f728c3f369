import type { Platform } from './images.ts'

/**
 * Where the image of an environment comes from (specification section 6). `target_server`: the server of its first service builds it.
 * `dedicated_builder`: a service of the category builder does. `external_registry`: it was built elsewhere and is deployed as it is.
 */
export const buildStrategies = ['target_server', 'dedicated_builder', 'external_registry'] as const

/** Who builds: the platform of its server, and what a builder builds for besides; null where that is its server's own alone. */
export interface BuildsFor {
  own: Platform
  offered: readonly Platform[] | null
}

/** The platforms of the servers that are to run an image, sorted, if all of them can be built; else null. */
export function platformsToBuild(servers: readonly Platform[], { own, offered }: BuildsFor): Platform[] | null {
  const wanted = [...new Set(servers)].toSorted()
  return wanted.every((platform) => (offered ?? [own]).includes(platform)) ? wanted : null
}

/** A build in a builder's queue: how many wait or build before it, and whether it may build itself. */
export interface BuildTurn {
  /** Builds that have to end before this one may begin. */
  ahead: number
}

/** What is first in line builds, as many at once as the builder has slots; `before`: builds that came earlier and are not over. */
export const turnOf = (before: number, slots: number): BuildTurn => ({ ahead: Math.max(0, before - slots + 1) })
