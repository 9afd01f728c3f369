import { z } from 'zod'
import { Secret } from '../../../domain/secret.ts'
import { serviceAlias, serviceNetwork, serviceVolume } from '../../../domain/services.ts'
import type { ReplicaInput } from '../contract.ts'
import { defineService } from '../define.ts'
import { randomPassword } from '../passwords.ts'
import { publishedPorts } from '../published.ts'
import { type ReplicaShape, startStep, statefulProject, stopStep } from '../replica.ts'
import { initialAcl } from './acl.ts'
import { keyspaces } from './slices.ts'

const stopGraceSeconds = 30

const configSchema = z.object({
  /** Null leaves it to the memory limit of the container. */
  maxMemoryMb: z.int().positive().nullable().default(null),
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
  update: { downtime: true, dataRisk: true },
  stateful: true,
  generateAdmin: () => ({ password: randomPassword() }),
  slices: keyspaces,
  build: null,
  configured: (config: Config) => ({
    image: { from: 'registry', reference: 'valkey/valkey:8' },
    ports: () => [{ name: 'valkey', containerPort: 6379, protocol: 'tcp', exposure: 'internal' }],
    volumes: ({ serviceId }) => [volume(serviceId)],
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

function serverOptions({ maxMemoryMb }: Config): string[] {
  const memory = maxMemoryMb === null ? [] : ['--maxmemory', `${maxMemoryMb}mb`]
  return ['valkey-server', '--aclfile', '/data/users.acl', '--databases', '512', '--appendonly', 'yes', ...memory]
}
