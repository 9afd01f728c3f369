/** What a repository advertises. */
export interface RemoteRefs {
  defaultBranch: string | null
  /** Commit by branch name, without `refs/heads/`. */
  branches: ReadonlyMap<string, string>
}

const lengthDigits = 4

/**
 * Parses the ref advertisement of git's protocol v0 (pkt-lines up to a flush). Null while it is not complete; throws a
 * RangeError where the bytes are no such thing.
 */
export function parseAdvertisement(bytes: Buffer): RemoteRefs | null {
  const lines = packetLines(bytes)
  if (lines === null) return null
  const [first = ''] = lines
  const branches = lines.map((line) => /^([0-9a-f]{40,64}) refs\/heads\/([^\0\n]+)/.exec(line)).filter((match) => match !== null)
  return {
    defaultBranch: /[\0 ]symref=HEAD:refs\/heads\/(\S+)/.exec(first)?.[1] ?? null,
    branches: new Map(branches.map(([, sha = '', name = '']) => [name, sha])),
  }
}

function packetLines(bytes: Buffer): string[] | null {
  const lines: string[] = []
  for (let at = 0; at + lengthDigits <= bytes.length; ) {
    const digits = bytes.toString('latin1', at, at + lengthDigits)
    if (!/^[0-9a-f]{4}$/.test(digits)) throw new RangeError('the answer is not in the protocol of git')
    const length = Number.parseInt(digits, 16)
    if (length === 0) return lines
    if (length < lengthDigits) throw new RangeError('the answer has a packet of impossible length')
    if (at + length > bytes.length) return null
    lines.push(bytes.toString('utf8', at + lengthDigits, at + length))
    at += length
  }
  return null
}
