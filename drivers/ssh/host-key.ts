import { Client, type ServerHostKeyAlgorithm } from 'ssh2'
import { SshError } from './errors.ts'

/** In the order in which a server is asked for its key at adoption. */
const algorithmsByType: Readonly<Record<string, readonly ServerHostKeyAlgorithm[]>> = {
  'ssh-ed25519': ['ssh-ed25519'],
  'ecdsa-sha2-nistp256': ['ecdsa-sha2-nistp256'],
  'ecdsa-sha2-nistp384': ['ecdsa-sha2-nistp384'],
  'ecdsa-sha2-nistp521': ['ecdsa-sha2-nistp521'],
  'ssh-rsa': ['rsa-sha2-512', 'rsa-sha2-256'],
}

/** How a server may prove the pinned key, so that it cannot answer with another of its keys; every way when none is pinned. */
export function hostKeyAlgorithms(pinned: string | null): ServerHostKeyAlgorithm[] {
  const known = pinned === null ? undefined : algorithmsByType[keyType(pinned)]
  return known ? [...known] : Object.values(algorithmsByType).flat()
}

/** The key line (`ssh-ed25519 AAAA…`) of a key as the server sends it. */
export function keyLine(blob: Buffer): string {
  const type = blob.toString('latin1', 4, 4 + blob.readUInt32BE(0))
  return `${type} ${blob.toString('base64')}`
}

/** Exact comparison of type and key; a comment behind the key does not count. */
export function isSameKey(pinned: string, seen: string): boolean {
  const [type, key] = pinned.trim().split(/\s+/)
  return `${type} ${key}` === seen
}

function keyType(line: string): string {
  return line.trim().split(/\s+/)[0] ?? ''
}

interface Probe {
  address: string
  port: number
  timeoutSeconds?: number
}

/** Asks an address for its host key line, to be shown and pinned at adoption. Throws a retryable SshError `unreachable`. */
export function probeHostKey({ address, port, timeoutSeconds = 10 }: Probe): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = new Client()
    client.on('error', (cause) => {
      reject(new SshError('unreachable', address, `no SSH server answers on port ${port}: check address and firewall`, { cause }))
    })
    client.on('close', () => reject(new SshError('unreachable', address, `the SSH server on port ${port} hung up`)))
    client.connect({
      host: address,
      port,
      username: 'keystone',
      readyTimeout: timeoutSeconds * 1000,
      algorithms: { serverHostKey: hostKeyAlgorithms(null) },
      hostVerifier: (blob: Buffer) => {
        resolve(keyLine(blob))
        return false
      },
    })
  })
}
