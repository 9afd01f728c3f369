/** Answers only inside the container: its own health check. */
export const healthPort = 2018

/** ACME account and authority for `tls: automatic`; Caddy's defaults where null. */
export interface Authority {
  email: string | null
  directory: string | null
}

/**
 * For a while before the gateway takes another configuration each answer of HTTP/1.1 closes its connection (fresh-connections.sh).
 * Moments have ten digits, so they are compared as texts, which a missing file does not break.
 */
const freshConnections = block('(fresh-connections)', [
  'vars keystone_fresh_until {file./etc/caddy/fresh-until}',
  block('@fresh', ['protocol http/1.1', 'not header Upgrade *', 'expression `{http.vars.keystone_fresh_until} > string({time.now.unix})`']),
  'header @fresh Connection close',
])

/** The Caddyfile of one server. Sections go in as they are; hosts that none of them names get a plain 404. */
export function renderCaddyfile({ email, directory }: Authority, sections: readonly string[]): string {
  const options = [
    'admin unix//etc/caddy/admin.sock',
    ...(email === null ? [] : [`email ${word(email)}`]),
    ...(directory === null ? [] : [`acme_ca ${word(directory)}`]),
  ]
  return [
    block('', options),
    block(`http://:${healthPort}`, ['bind 127.0.0.1', 'respond "well"']),
    freshConnections,
    block('http://', ['import fresh-connections', 'respond "No such site here." 404']),
    ...sections,
  ].join('\n')
}

/** A block with its lines indented; lines may hold blocks themselves. Ends in a line break. */
export function block(head: string, lines: readonly string[]): string {
  const body = lines.map((line) => `${line.trimEnd().replaceAll(/^/gm, '\t')}\n`).join('')
  return `${head === '' ? '' : `${head} `}{\n${body}}\n`
}

/**
 * A value that stands in a Caddyfile as one plain word. Throws a RangeError on anything that could end the word or be
 * replaced in it: Caddy substitutes `{…}` even within quotes, so there is no quoting that is safe for all texts.
 */
export function word(text: string): string {
  if (!/^[A-Za-z0-9._~:/@%+*?=&,-]+$/.test(text)) throw new RangeError(`${JSON.stringify(text)} cannot stand in a Caddyfile`)
  return text
}

/** A host name (punycode, `*.` allowed in front) or an IPv4 address; throws a RangeError that names it otherwise. */
export function siteName(domain: string): string {
  const label = '[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?'
  const name = domain.toLowerCase()
  if (name.length > 253 || !new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*$`).test(name)) {
    throw new RangeError(`"${domain}" is not a domain: give a host name such as shop.example.com, without scheme, port or path`)
  }
  return name
}
