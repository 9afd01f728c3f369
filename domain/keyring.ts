import type { Secret } from './secret.ts'

/** The place of a sealed value; it is authenticated with it, so that a ciphertext moved to another row does not open. */
export interface SealedPlace {
  table: string
  column: string
  id: string
}

/** Envelope encryption with key ids (design section 13): every value has a data key of its own, wrapped by the current key. */
export interface Keyring {
  seal(secret: Secret, place: SealedPlace): string
  /** The id of the key that seals; others only open. */
  currentKey: string
  /** Ids of all keys in the ring. */
  keys: readonly string[]
  /** Throws when the key is not in the ring or the place is not the one it was sealed for. */
  open(sealed: string, place: SealedPlace): Secret
}
