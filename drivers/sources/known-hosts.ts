import { createHash } from 'node:crypto'
import type { RepositoryAddress } from './repository-url.ts'

/** Keys that git hosts publish in their documentation; each was compared with the fingerprint given there. */
const published: Readonly<Record<string, readonly string[]>> = {
  'github.com': [
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl',
    'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBEmKSENjQEezOmxkZMy7opKgwFB9nkt5YRrYMjNuG5N87uRgg6CLrbo5wAdT/y6v0mKV0U2w0WZ2YB/++Tpockg=',
  ],
  'gitlab.com': [
    'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf',
    'ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBFSMqzJeV9rUzU4kWitGjeR4PWSa29SPqJ1fVkhtj3Hw9xjLVXVYrU9QlYWrOLXBpQ6KWjbjTDTdDkoohFzgbEY=',
  ],
  'codeberg.org': ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIVIC02vnjFyL+I4RHfvIGNtOgJMe769VTF1VR4EB3ZB'],
}

/** Every key a git host may show: the published ones, and those that somebody confirmed. */
export function pinnedHostKeys(address: Pick<RepositoryAddress, 'host' | 'port'>, confirmed: readonly string[]): string[] {
  const known = address.port === 22 ? (published[address.host] ?? []) : []
  return [...known, ...confirmed.map((line) => line.trim().split(/\s+/).slice(0, 2).join(' '))]
}

/** The text of a known_hosts file for one host; ssh writes `[host]:port` for ports other than 22. */
export function knownHosts({ host, port }: Pick<RepositoryAddress, 'host' | 'port'>, keys: readonly string[]): string {
  const name = port === 22 ? host : `[${host}]:${port}`
  return keys.map((key) => `${name} ${key}\n`).join('')
}

/** `SHA256:…`, as ssh-keygen and the git hosts show it. */
export function keyFingerprint(keyLine: string): string {
  const blob = Buffer.from(keyLine.trim().split(/\s+/)[1] ?? '', 'base64')
  return `SHA256:${createHash('sha256').update(blob).digest('base64').replace(/=+$/, '')}`
}
