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
  let pair = ssh2.utils.generateKeyPairSync('ed25519', { comment })
  while (!isWhole(pair)) pair = ssh2.utils.generateKeyPairSync('ed25519', { comment })
  return { publicKey: pair.public, privateKey: new Secret(pair.private), fingerprint: keyFingerprint(pair.public) }
}

/** ssh2 (1.17) leaves out a public key's leading zero byte, which one in 256 has: such a pair opens nothing. */
function isWhole(pair: { public: string; private: string }): boolean {
  const [, blob = ''] = pair.public.split(' ')
  return Buffer.from(blob, 'base64').length === ed25519BlobLength && !(ssh2.utils.parseKey(pair.private) instanceof Error)
}

/** The name `ssh-ed25519` and 32 bytes of key, each after four bytes of length (RFC 8709). */
const ed25519BlobLength = 4 + 11 + 4 + 32
