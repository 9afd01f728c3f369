import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Keyring, SealedPlace } from '../../domain/keyring.ts'
import { Secret } from '../../domain/secret.ts'

/** The key file: ids and base64 keys of 32 bytes; `current` seals, the others still open. */
export interface KeyFile {
  current: string
  keys: Record<string, string>
}

const version = 'k1'

function encrypt(key: Buffer, plain: Buffer, aad: string): Buffer {
  const iv = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(Buffer.from(aad))
  return Buffer.concat([iv, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

function decrypt(key: Buffer, box: Buffer, aad: string): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, box.subarray(0, 12)).setAAD(Buffer.from(aad))
  decipher.setAuthTag(box.subarray(-16))
  return Buffer.concat([decipher.update(box.subarray(12, -16)), decipher.final()])
}

const aadOf = ({ table, column, id }: SealedPlace): string => `${table}.${column}.${id}`

/**
 * AES-256-GCM envelopes `k1.<key id>.<wrapped data key>.<box>`, base64url; the additional data is table, column and id.
 * A new current key opens everything old, as long as the old one stays in the file.
 */
export function createKeyring(file: KeyFile): Keyring {
  const keys = new Map(Object.entries(file.keys).map(([id, key]) => [id, Buffer.from(key, 'base64')]))
  const key = (id: string): Buffer => {
    const found = keys.get(id)
    if (!found || found.length !== 32) throw new Error(`encryption key "${id}" is not in the key file, or is not 32 bytes of base64`)
    return found
  }
  key(file.current)
  return {
    currentKey: file.current,
    keys: [...keys.keys()],
    seal(secret, place) {
      const dataKey = randomBytes(32)
      const wrapped = encrypt(key(file.current), dataKey, aadOf(place))
      const box = encrypt(dataKey, Buffer.from(secret.reveal()), aadOf(place))
      return [version, file.current, wrapped.toString('base64url'), box.toString('base64url')].join('.')
    },
    open(sealed, place) {
      const [found, keyId, wrapped, box] = sealed.split('.')
      if (found !== version || !keyId || !wrapped || !box) throw new Error(`${aadOf(place)} does not hold a sealed value`)
      const dataKey = decrypt(key(keyId), Buffer.from(wrapped, 'base64url'), aadOf(place))
      return new Secret(decrypt(dataKey, Buffer.from(box, 'base64url'), aadOf(place)).toString())
    },
  }
}
