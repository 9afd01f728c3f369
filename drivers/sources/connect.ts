import { Client } from 'ssh2'
import type { Secret } from '../../domain/secret.ts'
import { hostKeyAlgorithms, isSameKey, keyLine } from '../ssh/host-key.ts'
import { SourceError } from './errors.ts'
import { keyFingerprint } from './known-hosts.ts'
import type { RepositoryAddress } from './repository-url.ts'

export interface GitHostAccess {
  address: RepositoryAddress
  deployKey: Secret
  /** Key lines that the host may show. */
  hostKeys: readonly string[]
  timeoutSeconds: number
}

/** An authenticated connection to a git host. Throws SourceErrors, told apart by SSH's stages. */
export function connectGitHost(access: GitHostAccess): Promise<Client> {
  const { address, hostKeys, timeoutSeconds } = access
  return new Promise((resolve, reject) => {
    const client = new Client()
    let seen: string | null = null
    const fail = (cause?: unknown) => reject(classified(access, seen, cause))
    client.on('error', fail)
    client.on('close', () => fail())
    client.on('ready', () => resolve(client))
    client.connect({
      host: address.host,
      port: address.port,
      username: address.user,
      privateKey: access.deployKey.reveal(),
      readyTimeout: timeoutSeconds * 1000,
      algorithms: { serverHostKey: [...new Set(hostKeys.length > 0 ? hostKeys.flatMap(hostKeyAlgorithms) : hostKeyAlgorithms(null))] },
      hostVerifier: (blob: Buffer) => {
        const shown = keyLine(blob)
        seen = shown
        return hostKeys.some((pinned) => isSameKey(pinned, shown))
      },
    })
  })
}

function classified({ address, hostKeys }: GitHostAccess, seen: string | null, cause: unknown): SourceError {
  const { host, port, user } = address
  if (seen !== null && !hostKeys.some((pinned) => isSameKey(pinned, seen))) return hostKeyError(host, hostKeys.length > 0, seen)
  const level = cause instanceof Error && 'level' in cause ? cause.level : null
  if (level === 'client-authentication') {
    return new SourceError('access_denied', `${host} does not accept the deploy key for user ${user}: add its public key to the repository there`, { cause })
  }
  if (level === 'handshake' && hostKeys.length > 0) {
    return new SourceError('host_key_changed', `${host} no longer has a key of the confirmed types: check with its operator, then confirm its new key`, { cause })
  }
  return new SourceError('unreachable', `no SSH connection to ${host} port ${port}: check the address, and whether Keystone may reach it`, { cause })
}

function hostKeyError(host: string, isPinned: boolean, seenHostKey: string): SourceError {
  const shown = `it shows ${seenHostKey.split(' ')[0]} ${keyFingerprint(seenHostKey)}`
  return isPinned
    ? new SourceError('host_key_changed', `${host} has another key than the confirmed one: ${shown}. Check with its operator`, { seenHostKey })
    : new SourceError('host_key_unknown', `the key of ${host} is not confirmed yet: ${shown}. Compare and confirm it`, { seenHostKey })
}
