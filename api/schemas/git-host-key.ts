import { z } from '@hono/zod-openapi'
import type { GitHostKey } from '../../db/git-host-keys.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { host, hostKey, moment, port } from './fields.ts'

export const newGitHostKeySchema = z
  .strictObject({ host, port: port.default(22), key: hostKey.openapi({ example: 'ssh-ed25519 AAAA…' }) })
  .openapi('NewGitHostKey')

export const gitHostKeySchema = z
  .object({ id: z.uuid(), host: z.string(), port: z.int(), key: z.string(), fingerprint: z.string(), confirmedAt: moment })
  .openapi('GitHostKey')

export const presentGitHostKey = ({ id, host: name, port: at, key, confirmedAt }: GitHostKey): z.infer<typeof gitHostKeySchema> => ({
  ...{ id, host: name, port: at, key },
  fingerprint: keyFingerprint(key),
  confirmedAt: confirmedAt.toISOString(),
})
