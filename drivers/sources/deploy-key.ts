import ssh2 from 'ssh2'
import { Secret } from '../../domain/secret.ts'
import { keyFingerprint } from './known-hosts.ts'

export interface DeployKey {
  /** `ssh-ed25519 AAAA… comment`, as the user gives it to the git host. */
  publicKey: string
  /** OpenSSH format. */
  privateKey: Secret
  /** `SHA256:…` */
  fingerprint: string
}

/** A new ed25519 key pair; the comment tells people at the git host whose it is. */
export function generateDeployKey(comment: string): DeployKey {
  const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment })
  return { publicKey: pair.public, privateKey: new Secret(pair.private), fingerprint: keyFingerprint(pair.public) }
}
