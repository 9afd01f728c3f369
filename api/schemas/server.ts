import { z } from '@hono/zod-openapi'
import type { FirstLogin, Server } from '../../db/servers.ts'
import { architectures, serverStatuses } from '../../db/schema/servers.ts'
import { keyFingerprint } from '../../drivers/sources/known-hosts.ts'
import { Secret } from '../../domain/secret.ts'
import { fingerprint, host, hostKey, label, line, moment, port, privateKey } from './fields.ts'

/** Of Docker's address pools (`installDocker`). */
const isNotDockers = (address: string): boolean => !address.startsWith('10.201.')

export const firstLoginSchema = z
  .strictObject({
    user: z.string().regex(/^[a-z_][a-z0-9_-]{0,31}$/, 'must be the name of a user, such as root').default('root')
      .openapi({ description: 'One who is not root has to be allowed to use sudo without a password.' }),
    privateKey: privateKey.optional(),
    password: line(1024).optional(),
  })
  .refine(({ privateKey: key, password }) => (key === undefined) !== (password === undefined), 'needs either privateKey or password')
  .openapi('FirstLogin', { description: 'How the server is logged in to, until its own user keystone can be; then Keystone forgets it.' })

export const provisionSchema = z
  .strictObject({ firstLogin: firstLoginSchema.optional().openapi({ description: 'For a server that was installed anew, or where the first one did not work.' }) })
  .openapi('ServerProvision')

export const newRebootSchema = z
  .strictObject({
    acknowledgeDowntime: z.boolean().optional().openapi({ description: 'Has to be true where the server alone serves something: the refusal names what.' }),
  })
  .openapi('ServerReboot')

export const acceptHostKeySchema = z.strictObject({ fingerprint }).openapi('AcceptHostKey')

/** The login as the database takes it. */
export function firstLoginOf({ user, privateKey: key, password = '' }: z.output<typeof firstLoginSchema>): FirstLogin {
  return { user, credential: key === undefined ? { password: new Secret(password) } : { privateKey: new Secret(key) } }
}

export const newServerSchema = z
  .strictObject({
    name: label,
    address: host,
    sshPort: port.default(22),
    privateAddress: z.ipv4('must be an IPv4 address, such as 10.0.0.2').refine(isNotDockers, 'must not be in 10.201.0.0/16, which Docker uses on the server')
      .nullable().default(null).openapi({ description: 'Where other servers of the same private network reach it.' }),
    privateNetwork: line(100).nullable().default(null)
      .openapi({ description: 'Servers with the same name here reach each other privately; `default` where only privateAddress is given.' }),
    firstLogin: firstLoginSchema,
    hostKey: hostKey.optional()
      .openapi({ description: 'The confirmed host key. Left out, the answer shows the one that was seen.' }),
    hostKeyFingerprint: fingerprint.optional()
      .openapi({ description: 'Instead of hostKey: what ssh-keygen -lf shows of it on the server. The one that is seen has to be that.' }),
  })
  .refine(({ privateAddress, privateNetwork }) => privateNetwork === null || privateAddress !== null, {
    path: ['privateAddress'],
    message: 'is needed with privateNetwork: the address that the server has in it',
  })
  .transform((server) => ({ ...server, privateNetwork: server.privateAddress === null ? null : (server.privateNetwork ?? 'default') }))
  .openapi('NewServer')

export const serverChangeSchema = z.strictObject({ name: label }).openapi('ServerChange')

export const serverSchema = z
  .object({
    id: z.uuid(),
    name: z.string(),
    address: z.string().nullable().openapi({ description: 'Null until its provider has made its machine.' }),
    providerId: z.uuid().nullable().openapi({ description: 'Where it was bought; null: it was adopted.' }),
    sshPort: z.int(),
    privateAddress: z.string().nullable(),
    privateNetwork: z.string().nullable(),
    hostKey: z.string().nullable(),
    hostKeyFingerprint: z.string().nullable(),
    managementKeyPublic: z.string(),
    status: z.enum(serverStatuses),
    architecture: z.enum(architectures).nullable(),
    needsConvergence: z.boolean(),
    facts: z.record(z.string(), z.string()),
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Server')

export function presentServer(server: Server): z.infer<typeof serverSchema> {
  const { id, name, providerId, address, sshPort, privateAddress, privateNetwork, hostKey: pinned, managementKeyPublic } = server
  const { status, architecture, needsConvergence, facts } = server
  return {
    ...{ id, name, providerId, address, sshPort, privateAddress, privateNetwork, hostKey: pinned, managementKeyPublic },
    ...{ status, architecture, needsConvergence, facts },
    hostKeyFingerprint: pinned && keyFingerprint(pinned),
    createdAt: server.createdAt.toISOString(),
    updatedAt: server.updatedAt.toISOString(),
  }
}
