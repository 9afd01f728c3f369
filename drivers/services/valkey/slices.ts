import { z } from 'zod'
import { Secret } from '../../../domain/secret.ts'
import type { ServiceStep } from '../contract-step.ts'
import type { SliceTarget } from '../contract-slices.ts'
import { defineSlices } from '../define.ts'
import { prefixed } from '../exports.ts'
import { freeIdentifier } from '../names.ts'
import { randomPassword } from '../passwords.ts'
import { containersScript, textBeside } from '../scripts.ts'
import { admitCommands, onlyPasswordCommands, provisionCommands, removeCommands } from './acl.ts'

const script = containersScript + textBeside(import.meta.url, 'valkey-cli.sh')

/** Number 0 is nobody's: clients that forget to choose a database end up there. */
const logicalDatabases = 512
const database = z.int().min(1).max(logicalDatabases - 1)

const configSchema = z.object({
  user: z.string().regex(/^[a-z][a-z0-9_]*$/).max(64),
  prefix: z.string().regex(/^[a-z][a-z0-9_]*:$/),
  database,
  cacheDatabase: database,
})

const credentialsSchema = z.object({ password: z.instanceof(Secret) })

/** Keyspaces: an ACL user, a key prefix and two logical databases, since Laravel's cache:clear empties a whole one. */
export const keyspaces = defineSlices({
  type: 'keyspace',
  configSchema,
  settingsSchema: z.object({}),
  credentialsSchema,
  configure(name, taken) {
    const user = freeIdentifier(name, ['admin', 'default', 'health', ...taken.map((slice) => slice.user)], 64)
    const [first, second] = freeDatabases(taken.flatMap((slice) => [slice.database, slice.cacheDatabase]))
    return { user, prefix: `${user}:`, database: first, cacheDatabase: second }
  },
  generateCredentials: () => ({ password: randomPassword() }),
  nextCredentials: () => ({ password: randomPassword() }),
  configured: (config, { password }) => ({
    provision: (target) => commandsStep('provision keyspace', target, provisionCommands(config, password)),
    /** What people choose, eviction and persistence, is the whole service's. */
    configure: (target) => commandsStep('configure keyspace', target, provisionCommands(config, password)),
    remove: (target) => commandsStep('remove keyspace', target, removeCommands(config)),
    admit: (target, next) =>
      commandsStep('let in by the other password', target, admitCommands(config, password, credentialsSchema.parse(next).password)),
    retire: (target) => ({
      ...commandsStep('retire the other password', target, onlyPasswordCommands(config, password)),
      parse: () => ({ ended: 0 }),
    }),
    exports: ({ endpoint, prefix }) =>
      prefixed(prefix, {
        REDIS_CLIENT: 'phpredis',
        REDIS_HOST: endpoint.host,
        REDIS_PORT: `${endpoint.port}`,
        REDIS_USERNAME: config.user,
        REDIS_PASSWORD: password,
        REDIS_PREFIX: config.prefix,
        REDIS_DB: `${config.database}`,
        REDIS_CACHE_DB: `${config.cacheDatabase}`,
        HORIZON_PREFIX: `${config.prefix}horizon:`,
      }),
  }),
})

function freeDatabases(taken: readonly number[]): [number, number] {
  const free = Array.from({ length: logicalDatabases - 1 }, (_, index) => index + 1).filter((number) => !taken.includes(number))
  const [first, second] = free
  if (first === undefined || second === undefined) throw new RangeError('this Valkey has no two logical databases left: create another service')
  return [first, second]
}

function commandsStep(name: string, { containerName, admin }: SliceTarget, commands: readonly string[]): ServiceStep<void> {
  const { password } = admin
  if (!password) throw new Error('the service has no administrator password')
  const text = [`AUTH admin ${password.reveal()}`, ...commands, ''].join('\n')
  return { name, script, inputs: { CONTAINER: containerName }, secrets: { commands: new Secret(text) }, files: [], parse: () => {} }
}
