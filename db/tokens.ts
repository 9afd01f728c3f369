import { createHash, randomBytes, randomInt } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { Secret } from '../domain/secret.ts'

const shownCharacters = 11
const randomCharacters = 40
const checksumCharacters = 6
const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** `ks_` are bearer tokens, `ksi_` are invitations. */
export type TokenPrefix = 'ks_' | 'ksi_'

export interface NewToken {
  text: Secret
  /** What people recognise it by. */
  prefix: string
  hash: string
}

/**
 * A new token: its prefix, 238 random bits in base62, and their CRC-32 in base62, so that scanners find tokens and drop what only looks
 * like one. Only hash and prefix are stored; the text is shown once.
 */
export function newToken(kind: TokenPrefix = 'ks_'): NewToken {
  const random = Array.from({ length: randomCharacters }, () => digits[randomInt(digits.length)]).join('')
  const text = `${kind}${random}${checksum(random)}`
  return { text: new Secret(text), prefix: text.slice(0, shownCharacters), hash: tokenHash(text) }
}

/** SHA-256 in hex: what is stored of a token, and what it is found by. */
export const tokenHash = (text: string): string => createHash('sha256').update(text).digest('hex')

/** Whether it has the form of a token and another checksum than one: nobody has to be asked for it. Older tokens have no checksum. */
export function isMistyped(text: string): boolean {
  const [, random = '', sum = ''] = /^ksi?_([0-9A-Za-z]{40})([0-9A-Za-z]{6})$/.exec(text) ?? []
  return random !== '' && checksum(random) !== sum
}

function checksum(random: string): string {
  let rest = crc32(random)
  let text = ''
  for (let place = 0; place < checksumCharacters; place += 1) {
    text = `${digits[rest % digits.length]}${text}`
    rest = Math.floor(rest / digits.length)
  }
  return text
}

/** A new secret to sign deliveries with: `kswh_` and 256 random bits. It is shown once, and stored sealed. */
export const newWebhookSecret = (): Secret => new Secret(`kswh_${randomBytes(32).toString('base64url')}`)
