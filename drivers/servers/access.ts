import type { ServiceStep } from '../services/contract-step.ts'
import { lines, textBeside } from '../services/scripts.ts'
import type { Arrival } from './preparation.ts'
import { serverStep } from './server-step.ts'

const closeScript = textBeside(import.meta.url, 'close-access.sh')
const reopenScript = textBeside(import.meta.url, 'reopen-access.sh')
const proveScript = textBeside(import.meta.url, 'prove-access.sh')

/** Longer than a worker is usually away, so that Keystone need not close it again; short for somebody who cannot get in. */
const reopenSeconds = 600

/** Whatever else listens is for the server itself. 80 and 443 are the gateway's. */
const openPorts = ['80/tcp', '443/tcp', '443/udp']

/** Those without a known weakness that ssh2 or a client of today can speak; a server takes the ones that it knows. */
export const algorithms = {
  KEX: lines([
    ...['mlkem768x25519-sha256', 'sntrup761x25519-sha512', 'sntrup761x25519-sha512@openssh.com'],
    ...['curve25519-sha256', 'curve25519-sha256@libssh.org'],
  ]),
  CIPHERS: lines(['aes256-gcm@openssh.com', 'aes128-gcm@openssh.com', 'aes256-ctr', 'aes192-ctr', 'aes128-ctr']),
  MACS: lines(['hmac-sha2-512-etm@openssh.com', 'hmac-sha2-256-etm@openssh.com', 'umac-128-etm@openssh.com']),
}

/** Those of the pinned key stay, whatever it is: by them the server is known. */
const hostKeyAlgorithms = (hostKey: string): string[] => {
  const usual = ['ssh-ed25519', 'rsa-sha2-512', 'rsa-sha2-256']
  const [type = ''] = hostKey.split(' ')
  return type.startsWith('ecdsa-') ? [...usual, type] : usual
}

/**
 * Closes every way in but SSH by key, and the gateway's ports. It opens again by itself in ten minutes unless `proveAccess` has run
 * over a connection that was made meanwhile.
 */
export function closeAccess({ port, hostKey }: Pick<Arrival, 'port'> & { hostKey: string }): ServiceStep<void> {
  const settings = [
    ...['PermitRootLogin no', 'PasswordAuthentication no', 'KbdInteractiveAuthentication no', 'PermitEmptyPasswords no'],
    ...['PubkeyAuthentication yes', 'X11Forwarding no', 'LoginGraceTime 30'],
    `HostKeyAlgorithms ${hostKeyAlgorithms(hostKey).join(',')}`,
  ]
  return serverStep('close access', closeScript, {
    ...{ SETTINGS: lines(settings), ...algorithms, REOPEN: reopenScript, REOPEN_SECONDS: `${reopenSeconds}` },
    ...{ ARRIVAL_PORT: `${port}`, OPEN_PORTS: openPorts.join(' ') },
  })
}

/** Has what is closed stay so. False: it had opened again before, and is to be closed once more. */
export const proveAccess = (): ServiceStep<boolean> => ({
  ...serverStep('prove access', proveScript),
  parse: (result) => result.trim() === 'closed',
})
