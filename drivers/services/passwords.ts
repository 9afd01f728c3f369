import { randomBytes } from 'node:crypto'
import { Secret } from '../../domain/secret.ts'

/** 32 characters of base64url, 192 bits: fits URLs, .env files, SQL literals and ACL lines without quoting. */
export const randomPassword = (): Secret => new Secret(randomBytes(24).toString('base64url'))
