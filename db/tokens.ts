import { createHash, randomBytes } from 'node:crypto'
import { Secret } from '../domain/secret.ts'

const shownCharacters = 11

/** A new bearer token: `ks_` and 256 random bits. Only hash and prefix are stored; the text is shown once. */
export function newToken(): { text: Secret; prefix: string; hash: string } {
  const text = `ks_${randomBytes(32).toString('base64url')}`
  return { text: new Secret(text), prefix: text.slice(0, shownCharacters), hash: tokenHash(text) }
}

/** SHA-256 in hex: what is stored of a token, and what it is found by. */
export const tokenHash = (text: string): string => createHash('sha256').update(text).digest('hex')
