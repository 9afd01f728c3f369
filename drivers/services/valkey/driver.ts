import { z } from 'zod'
import { Secret } from '../../../domain/secret.ts'
import { serviceAlias, serviceFolder, serviceNetwork, serviceVolume } from '../../../domain/services.ts'
import type { ReplicaInput } from '../contract-step.ts'
import { defineService } from '../define.ts'
import { randomPassword } from '../passwords.ts'
import { publishedPorts } from '../published.ts'
import { type ReplicaShape, startStep, statefulProject, stopStep } from '../replica.ts'
import { initialAcl } from './acl.ts'
import { keyspaces } from './slices.ts'

const stopGraceSeconds = 30

/** `maxmemory-policy` of Valkey 8. */
const evictionPolicies = [
  ...['noeviction', 'allkeys-lru', 'allkeys-lfu', 'allkeys-random'],
  ...['volatile-lru', 'volatile-lfu', 'volatile-random', 'volatile-ttl'],
] as const
const persistences = ['append_only', 'none'] as const

const configSchema = z.object({
  /** Null leaves it to the memory limit of the container. */
  maxMemoryMb: z.int().positive().nullable().default(null),
  /** What happens at that limit; null leaves it to Valkey, which refuses to write more. */
  evictionPolicy: z.enum(evictionPolicies, `must be one of ${evictionPolicies.join(', ')}`).nullable().default(null),
  /** What survives a restart: every write but those of the last second, or nothing; what was kept before is back with `append_only`. */
  persistence: z.enum(persistences, `must be one of ${persistences.join(', ')}`).default('append_only'),
})
type Config = z.infer<typeof configSchema>

const healthcheck = {
  test: ['CMD', 'valkey-cli', '-e', '--no-auth-warning', '--user', 'health', '--pass', 'none', 'ping'],
  intervalSeconds: 10,
  timeoutSeconds: 5,
  retries: 3,
  startPeriodSeconds: 120,
}

const volume = (serviceId: string) => ({ name: serviceVolume(serviceId, 'valkey_data'), target: '/data' })

export const valkey = defineService({
  name: 'valkey',
  category: 'cache',
  label: 'Valkey',
  versionTrack: '8',
  defaultDeployPolicy: 'dependency_only',
  defaultProcessRoles: ['server'],
  configSchema,
  resourceDefaults: { cpuLimit: null, memoryLimitMb: null },
  update: { downtime: true, dataRisk: true, backup: false },
  stateful: true,
  generateAdmin: () => ({ password: randomPassword() }),
  slices: keyspaces,
  build: null,
  configured: (config: Config) => ({
    image: { from: 'registry', reference: 'valkey/valkey:8' },
    ports: () => [{ name: 'valkey', containerPort: 6379, protocol: 'tcp', exposure: 'internal' }],
    volumes: ({ serviceId }) => [volume(serviceId)],
    remains: ({ serviceId }) => ({ folders: [serviceFolder(serviceId)], networks: [serviceNetwork(serviceId)] }),
    stopGraceSeconds: () => stopGraceSeconds,
    startReplica: (input) => startStep('start Valkey', input, shape(config, input)),
    stopReplica: ({ ownership }) => stopStep(ownership, { project: statefulProject(ownership), graceSeconds: stopGraceSeconds }),
    application: null,
    gateway: null,
    builder: null,
  }),
})

function shape(config: Config, input: ReplicaInput): ReplicaShape {
  const { serviceId } = input.ownership
  const { password } = input.admin
  if (!password) throw new Error('the service has no administrator password')
  const project = statefulProject(input.ownership)
  return {
    project,
    startTimeoutSeconds: 150,
    files: [{ path: `${project.folder}/acl/users.acl`, content: new Secret(initialAcl(password)), mode: 0o600 }],
    main: {
      key: serviceAlias(serviceId),
      containerName: input.containerName,
      command: ['sh', '-c', startCommand, ...serverOptions(config)],
      healthcheck,
      stopGraceSeconds,
      networks: [serviceNetwork(serviceId), ...input.networks],
      volumes: [volume(serviceId)],
      mounts: ['./acl:/acl:ro'],
      ports: publishedPorts(input),
    },
  }
}

/** The ACL file lives with the data, where ACL SAVE can replace it; the uploaded one is only the first. */
const startCommand =
  'test -e /data/users.acl || { cp /acl/users.acl /data/users.acl.new && mv /data/users.acl.new /data/users.acl; }; ' +
  'exec docker-entrypoint.sh "$0" "$@"'

function serverOptions({ maxMemoryMb, evictionPolicy, persistence }: Config): string[] {
  const memory = maxMemoryMb === null ? [] : ['--maxmemory', `${maxMemoryMb}mb`]
  const eviction = evictionPolicy === null ? [] : ['--maxmemory-policy', evictionPolicy]
  return ['valkey-server', '--aclfile', '/data/users.acl', '--databases', '512', ...persistenceOptions[persistence], ...memory, ...eviction]
}

/** Users are kept whatever this says. A file that nobody writes is loaded instead of what was kept before. */
const persistenceOptions: Readonly<Record<Config['persistence'], readonly string[]>> = {
  append_only: ['--appendonly', 'yes'],
  none: ['--appendonly', 'no', '--save', '', '--dbfilename', 'nothing.rdb'],
}
