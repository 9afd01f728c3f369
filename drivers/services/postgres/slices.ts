import { z } from 'zod'
import { Secret } from '../../../domain/secret.ts'
import type { ServiceStep } from '../contract-step.ts'
import { defineSlices } from '../define.ts'
import { prefixed } from '../exports.ts'
import { freeIdentifier } from '../names.ts'
import { randomPassword } from '../passwords.ts'
import { containersScript, textBeside } from '../scripts.ts'
import { scramVerifier } from './scram.ts'
import { admitSql, configureSql, loginName, provisionSql, removeSql, retireSql } from './sql.ts'

const script = containersScript + textBeside(import.meta.url, 'psql.sh')
const countScript = containersScript + textBeside(import.meta.url, 'psql-count.sh')

/** Postgres allows 63 bytes; the logins add two. */
const longestName = 61

const extensions = z
  .array(z.string().max(63, 'must have at most 63 characters').regex(/^[a-z][a-z0-9_-]*$/, 'must be the name of an extension, such as citext or uuid-ossp'))
  .max(50, 'must have at most 50 entries')
  .refine((names) => new Set(names).size === names.length, 'must name each extension once')
const connectionLimit = z.int('must be a whole number').positive('must be more than 0').max(262_143, 'must be at most 262143').nullable()

const configSchema = z.object({
  database: z.string().regex(/^[a-z][a-z0-9_]*$/).max(longestName),
  extensions: extensions.default([]),
  connectionLimit: connectionLimit.default(null),
})

const login = z.enum(['a', 'b'])
const otherLogin = { a: 'b', b: 'a' } as const
const credentialsSchema = z.object({
  activeLogin: z.instanceof(Secret).transform((stored) => login.parse(stored.reveal())),
  password: z.instanceof(Secret),
})

/** Databases: each owned by a role without login; the two logins act as that role, so objects always belong to it. */
export const databases = defineSlices({
  type: 'database',
  configSchema,
  settingsSchema: z.object({ extensions: extensions.optional(), connectionLimit: connectionLimit.optional() }),
  credentialsSchema,
  configure: (name, taken) => ({
    database: freeIdentifier(name, ['postgres', ...taken.map((slice) => slice.database)], longestName),
    extensions: [],
    connectionLimit: null,
  }),
  generateCredentials: () => ({ activeLogin: new Secret('a'), password: randomPassword() }),
  nextCredentials: ({ activeLogin }) => ({ activeLogin: new Secret(otherLogin[activeLogin]), password: randomPassword() }),
  configured: (config, { activeLogin, password }) => ({
    provision({ containerName }) {
      const sql = provisionSql(config, { activeLogin, verifier: scramVerifier(password) })
      return psqlStep('provision database', containerName, sql)
    },
    configure: ({ containerName }, before) =>
      psqlStep('configure database', containerName, configureSql(configSchema.parse(before), config, activeLogin)),
    remove: ({ containerName }) => psqlStep('remove database', containerName, removeSql(config.database)),
    admit({ containerName }, credentials) {
      const next = credentialsSchema.parse(credentials)
      const sql = admitSql(config, { ...next, verifier: scramVerifier(next.password) })
      return psqlStep('let in the other login', containerName, sql)
    },
    retire: ({ containerName }, credentials) => ({
      ...psqlStep('retire the other login', containerName, retireSql(config.database, credentialsSchema.parse(credentials))),
      script: countScript,
      parse: (result) => ({ ended: z.coerce.number().int().parse(result.trim()) }),
    }),
    exports: ({ endpoint, prefix }) =>
      prefixed(prefix, {
        DB_CONNECTION: 'pgsql',
        DB_HOST: endpoint.host,
        DB_PORT: `${endpoint.port}`,
        DB_DATABASE: config.database,
        DB_USERNAME: loginName(config.database, activeLogin),
        DB_PASSWORD: password,
      }),
  }),
})

function psqlStep(name: string, containerName: string, sql: string): ServiceStep<void> {
  return { name, script, inputs: { CONTAINER: containerName }, secrets: { sql: new Secret(sql) }, files: [], parse: () => {} }
}
