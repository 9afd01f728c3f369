import ssh2 from 'ssh2'
import { stringify } from 'yaml'
import { Secret } from '../../domain/secret.ts'

/** A host key that a machine is given with its order: ECDSA, so that it stands beside the machine's own, which is Ed25519. */
export interface GivenHostKey {
  /** `ecdsa-sha2-nistp256 AAAA…` */
  publicKey: string
  privateKey: Secret
}

export function generateHostKey(): GivenHostKey {
  const { private: privateKey } = ssh2.utils.generateKeyPairSync('ecdsa', { bits: 256 })
  return { publicKey: publicLine(new Secret(privateKey)), privateKey: new Secret(privateKey) }
}

/** The public half of a private key as one line, `ssh-ed25519 AAAA…`. */
export function publicLine(privateKey: Secret): string {
  const key = ssh2.utils.parseKey(privateKey.reveal())
  if (key instanceof Error) throw key
  return `${key.type} ${key.getPublicSSH().toString('base64')}`
}

/** What cloud-init of a new machine is told (cloud-init, "SSH" module): to prove itself by this key, and by none of its image. */
export function firstBoot(hostKey: Secret): Secret {
  const settings = { ssh_deletekeys: true, ssh_keys: { ecdsa_private: hostKey.reveal(), ecdsa_public: publicLine(hostKey) } }
  return new Secret(`#cloud-config\n${stringify(settings)}`)
}
