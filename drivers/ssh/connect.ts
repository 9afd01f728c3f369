import { Client, type ConnectConfig } from 'ssh2'
import { keyFingerprint } from '../sources/known-hosts.ts'
import { SshError, type SshErrorCode } from './errors.ts'
import { hostKeyAlgorithms, isSameKey, keyLine } from './host-key.ts'
import type { ServerTarget } from './remote.ts'

export interface ConnectionTimings {
  connectTimeoutSeconds: number
  /** A server that leaves three of these intervals unanswered is taken for lost. */
  keepaliveSeconds: number
}

const unansweredKeepalives = 2

/** One authenticated connection; `options` are ssh2's, beside the usual ones. Throws SshErrors classified by ssh2's level and by what the host key check saw. */
export function connect(target: ServerTarget, timings: ConnectionTimings, options: ConnectConfig = {}): Promise<Client> {
  return new Promise((resolve, reject) => {
    const client = new Client().setMaxListeners(0)
    let seenHostKey: string | null = null
    const fail = (cause?: unknown) => reject(classified(target, seenHostKey, cause))
    client.on('error', fail)
    client.on('close', () => fail())
    client.on('ready', () => resolve(client.setNoDelay(true)))
    // Some servers ask for the password in a dialogue of PAM's.
    client.on('keyboard-interactive', (_name, _instructions, _language, prompts, answer) => {
      answer('password' in target ? prompts.map(() => target.password.reveal()) : [])
    })
    const verify = (blob: Buffer) => {
      seenHostKey = keyLine(blob)
      return target.hostKey !== null && isSameKey(target.hostKey, seenHostKey)
    }
    try {
      client.connect({ ...connectConfig(target, timings), ...options, hostVerifier: verify })
    } catch (cause) {
      reject(new SshError('authentication_failed', target.name, 'the stored private key cannot be read: replace it', { cause }))
    }
  })
}

function connectConfig(target: ServerTarget, timings: ConnectionTimings): ConnectConfig {
  return {
    host: target.address,
    port: target.port,
    username: target.user,
    ...('privateKey' in target ? { privateKey: target.privateKey.reveal() } : { password: target.password.reveal(), tryKeyboard: true }),
    readyTimeout: timings.connectTimeoutSeconds * 1000,
    keepaliveInterval: timings.keepaliveSeconds * 1000,
    keepaliveCountMax: unansweredKeepalives,
    algorithms: { serverHostKey: hostKeyAlgorithms(target.hostKey) },
  }
}

function classified(target: ServerTarget, seenHostKey: string | null, cause: unknown): SshError {
  const { name, hostKey, user } = target
  const where = `${target.address} port ${target.port}`
  if (seenHostKey !== null && hostKey === null) {
    return new SshError('host_key_unknown', name, `its host key is not confirmed yet; it shows ${seenHostKey}`, { seenHostKey })
  }
  if (seenHostKey !== null && hostKey !== null && !isSameKey(hostKey, seenHostKey)) {
    const message = `its host key ${keyFingerprint(seenHostKey)} is not the pinned one, which is ${keyFingerprint(hostKey)}. Confirm the new key only if you reinstalled it`
    return new SshError('host_key_changed', name, message, { seenHostKey })
  }
  const failed = (code: SshErrorCode, message: string) => new SshError(code, name, message, { cause })
  switch (levelOf(cause)) {
    case 'client-authentication':
      if ('password' in target) return failed('password_refused', `${where} refuses the password for user ${user}, or lets nobody in by password`)
      return failed('authentication_failed', `${where} refuses the key for user ${user}: add it to its authorized_keys`)
    case 'handshake':
      return failed('handshake_failed', `${where} offers no acceptable algorithms, or no longer the pinned type of host key`)
    default:
      return failed('unreachable', `no SSH connection to ${where}: check that it is up and that its firewall lets Keystone in`)
  }
}

/** ssh2 puts the stage at which it failed into `level`; its message texts are not relied upon. */
function levelOf(cause: unknown): unknown {
  return cause instanceof Error && 'level' in cause ? cause.level : undefined
}
