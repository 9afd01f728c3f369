/** How a registry wants to be asked: one entry of `WWW-Authenticate`, names in lower case. */
export interface Challenge {
  scheme: string
  parameters: Readonly<Record<string, string>>
}

const word = /(?:^|[\s,])(?:(?<scheme>[A-Za-z][A-Za-z0-9-]*)(?=\s|,|$)(?!\s*=)|(?<key>[A-Za-z_]+)\s*=\s*(?:"(?<quoted>(?:[^"\\]|\\.)*)"|(?<plain>[^\s",]+)))/g

/** All challenges of a `WWW-Authenticate` header (RFC 9110, section 11.6.1), in their order; several may share one line. */
export function parseChallenges(header: string): Challenge[] {
  const found: { scheme: string; parameters: Record<string, string> }[] = []
  for (const { groups = {} } of header.matchAll(word)) {
    const { scheme, key, quoted, plain } = groups
    if (scheme !== undefined) found.push({ scheme: scheme.toLowerCase(), parameters: {} })
    const last = found.at(-1)
    if (key !== undefined && last) last.parameters[key.toLowerCase()] = plain ?? quoted?.replaceAll(/\\(.)/g, '$1') ?? ''
  }
  return found
}
