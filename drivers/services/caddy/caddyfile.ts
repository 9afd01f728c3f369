/** Answers only inside the container: its own health check. */
export const healthPort = 2018

/**
 * How long a configuration still serves the connections that it has when another one has taken its place: long enough for the
 * handshakes of a slow client, and for its next request to be told that the connection closes.
 */
const leaveSeconds = 2

/** ACME account and authority for `tls: automatic`; Caddy's defaults where null. Sections name the authority (section.ts). */
export interface Authority {
  email: string | null
  directory: string | null
  /** File with the certificates that the directory's own is from; those that the system trusts where null. */
  rootFile: string | null
}

export interface Configuration extends Pick<Authority, 'email'> {
  /** Counts a gateway's configurations; 0 is the one that it begins with. */
  revision: number
  sections: readonly string[]
}

/** Of the container only; no two revisions that are near each other have the same, nor does Linux give one to a connection. */
const revisionPort = (revision: number): number => 20_000 + (revision % 10_000)

/** Marks a request that a configuration has handed on to the one that follows it. */
export const handedOn = 'Keystone-Handed-On'

/** The line by which a section is known in the text of a configuration. */
export const sectionMark = (hash: string): string => `vars keystone_section ${hash}`

/** What every site begins with: the snippet `leaving`. It defines the matcher `@followed`, for a configuration that another one follows. */
export const shared = ['import leaving']

/**
 * The Caddyfile of one server. Sections go in as they are; hosts that none of them names get a plain 404. What runs answers on
 * its revision's port with its number and the hashes of its sections (revisions.sh). That port closes with its configuration, which
 * is why Caddy keeps to the delay: it does not where all ports stay open.
 */
export function renderCaddyfile({ email, revision, sections }: Configuration): string {
  const options = [
    'admin unix//etc/caddy/admin.sock',
    `shutdown_delay ${leaveSeconds}s`,
    ...(email === null ? [] : [`email ${word(email)}`]),
  ]
  return [
    block('', options),
    block(`http://:${healthPort}`, ['bind 127.0.0.1', 'respond "well"']),
    block(`http://:${revisionPort(revision)}`, ['bind 127.0.0.1', `respond "${[revision, ...hashesIn(sections)].join(' ')}"`]),
    leaving(revision),
    block('http://', [...shared, 'respond "No such site here." 404']),
    ...sections,
  ].join('\n')
}

/**
 * Caddy closes the idle connections of HTTP/1.1 with the configuration that took them, and what a client sends on one of them at that
 * moment gets no answer; unless it is idempotent the client may not send it again (RFC 9112, section 9.3.1). So a configuration that
 * is about to be followed says with each answer that the connection closes.
 */
function leaving(revision: number): string {
  const isFollowed = block('file', ['root /etc/caddy', `try_files leaving-${revision}`])
  return block('(leaving)', [
    block('@leaving', ['protocol http/1.1', 'not header Upgrade *', isFollowed]),
    block('@followed', [isFollowed, `not header ${handedOn} *`]),
    'header @leaving Connection close',
  ])
}

/** Hashes of the sections in these texts. */
export const hashesIn = (sections: readonly string[]): string[] =>
  sections.flatMap((text) => [...text.matchAll(new RegExp(`^\\t${sectionMark('([0-9a-f]+)')}$`, 'gm'))].map(([, hash]) => hash ?? ''))

/** A block with its lines indented; lines may hold blocks themselves. Ends in a line break. */
export function block(head: string, lines: readonly string[]): string {
  const body = lines.map((line) => `${line.trimEnd().replaceAll(/^/gm, '\t')}\n`).join('')
  return `${head === '' ? '' : `${head} `}{\n${body}}\n`
}

/** What stands in a Caddyfile as one plain word. */
export const plainWord = /^[A-Za-z0-9._~:/@%+*?=&,-]+$/

/**
 * A value that stands in a Caddyfile as one plain word. Throws a RangeError on anything that could end the word or be
 * replaced in it: Caddy substitutes `{…}` even within quotes, so there is no quoting that is safe for all texts.
 */
export function word(text: string): string {
  if (!plainWord.test(text)) throw new RangeError(`${JSON.stringify(text)} cannot stand in a Caddyfile`)
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
