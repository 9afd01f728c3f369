import { allowedDifferences, type AllowedDifference } from './allowed-differences.ts'
import { runScript, type LookedAt } from './looked-at.ts'

/** Every fact of a server by its name (`file /etc/passwd`, `container gateway-90ef88c3`, `firewall iptables nat -A …`). */
export type Fingerprint = Readonly<Record<string, string>>

/**
 * Reads containers, networks, images, volumes, files (mode, owner, content), running units, firewall, listening ports and
 * processes of a server: what a deploy could leave behind.
 */
export async function serverFingerprint(server: LookedAt): Promise<Fingerprint> {
  const lines = (await runScript(server.exec, 'fingerprint')).split('\n').filter((line) => line.trim() !== '')
  const rows = lines.map((line) => line.split('\t'))
  const addresses = rows.filter(([kind]) => kind === 'address')
  const names = addresses.map(([, address = '', container = '']) => ({ address: withoutNeighbours(address), container }))
  const facts: Record<string, string> = {}
  for (const [kind = '', name = '', value = ''] of rows) {
    if (kind === 'address') continue
    const fact = `${kind === 'content' ? 'file' : kind} ${kind === 'firewall' ? byContainer(name, names) : name}`
    const told = kind === 'container' ? inAnyOrder(value) : value.trim()
    facts[fact] = facts[fact] === undefined ? told : `${facts[fact]} ${told}`
  }
  return facts
}

/** Docker lists networks and mounts of a container in another order each time. */
function inAnyOrder(value: string): string {
  const [state, id, of, image, ...others] = value.trim().split(' ')
  return [state, id, of, image, ...others.toSorted()].join(' ')
}

/** A container may get another address when the server starts again; rules about it stay rules about it. */
function byContainer(rule: string, names: readonly { address: RegExp; container: string }[]): string {
  return names.reduce((text, { address, container }) => text.replace(address, container), rule)
}

const withoutNeighbours = (address: string) =>
  new RegExp(String.raw`(?<![\d.])${address.replaceAll('.', String.raw`\.`)}(?![\d.])`, 'g')

/** What `after` has beyond `before` (+), lacks (-) or has otherwise (~), a line each, but for what is allowed. */
export function compareFingerprints(
  before: Fingerprint,
  after: Fingerprint,
  allowed: readonly AllowedDifference[] = allowedDifferences,
): string[] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  const changed = names.filter((name) => before[name] !== after[name])
  const differences = changed.map((name) => difference(name, before[name], after[name]))
  return differences.filter((line) => !allowed.some(({ pattern }) => pattern.test(line)))
}

function difference(name: string, before: string | undefined, after: string | undefined): string {
  if (before === undefined) return `+ ${name}: ${after}`
  if (after === undefined) return `- ${name}: ${before}`
  return `~ ${name}: ${before} → ${after}`
}
