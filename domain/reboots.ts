/** What a server alone serves, by names that people know: nobody reaches it while the server restarts. */
export interface ServedAlone {
  /** Domains that its gateway routes. */
  domains: readonly string[]
  /** Databases and caches that run on it. */
  services: readonly string[]
  /** Services of environments that no other server serves, as `web of production of shop`. */
  processes: readonly string[]
}

/** What nobody reaches meanwhile, in a clause; null where everybody is served by others. */
export function awayDuringReboot(server: string, { domains, services, processes }: ServedAlone): string | null {
  const away = [...domains, ...services, ...processes]
  return away.length === 0 ? null : `nobody reaches ${[...new Set(away)].join(', ')} while ${server} restarts`
}
