import { z } from 'zod'
import { serviceAlias, serviceFolder, serviceNetwork, serviceVolume } from '../../../domain/services.ts'
import type { ReplicaInput } from '../contract-step.ts'
import { defineService } from '../define.ts'
import { randomPassword } from '../passwords.ts'
import { publishedPorts } from '../published.ts'
import { type ReplicaShape, startStep, statefulProject, stopStep } from '../replica.ts'
import { databases } from './slices.ts'

const stopGraceSeconds = 60

/** Over TCP: while the image sets a new cluster up it listens on the socket only. */
const healthcheck = {
  test: ['CMD', 'pg_isready', '--quiet', '--host', '127.0.0.1', '--username', 'postgres'],
  intervalSeconds: 10,
  timeoutSeconds: 5,
  retries: 3,
  startPeriodSeconds: 120,
}

const volume = (serviceId: string) => ({ name: serviceVolume(serviceId, 'postgres_data'), target: '/var/lib/postgresql' })

export const postgres = defineService({
  name: 'postgres',
  category: 'database',
  label: 'Postgres',
  versionTrack: '18',
  defaultDeployPolicy: 'dependency_only',
  defaultProcessRoles: ['server'],
  configSchema: z.object({}),
  resourceDefaults: { cpuLimit: null, memoryLimitMb: null },
  update: { downtime: true, dataRisk: true, backup: false },
  stateful: true,
  generateAdmin: () => ({ password: randomPassword() }),
  slices: databases,
  build: null,
  configured: () => ({
    image: { from: 'registry', reference: 'postgres:18' },
    ports: () => [{ name: 'postgres', containerPort: 5432, protocol: 'tcp', exposure: 'internal' }],
    volumes: ({ serviceId }) => [volume(serviceId)],
    remains: ({ serviceId }) => ({ folders: [serviceFolder(serviceId)], networks: [serviceNetwork(serviceId)] }),
    stopGraceSeconds: () => stopGraceSeconds,
    startReplica: (input) => startStep('start Postgres', withPassword(input), shape(input)),
    stopReplica: ({ ownership }) => stopStep(ownership, { project: statefulProject(ownership), graceSeconds: stopGraceSeconds }),
    application: null,
    gateway: null,
    builder: null,
  }),
})

/** The image reads the superuser's password only when it makes a new cluster. */
function withPassword(input: ReplicaInput): ReplicaInput {
  const { password } = input.admin
  if (!password) throw new Error('the service has no superuser password')
  return { ...input, env: { ...input.env, POSTGRES_PASSWORD: password } }
}

function shape(input: ReplicaInput): ReplicaShape {
  const { serviceId } = input.ownership
  return {
    project: statefulProject(input.ownership),
    startTimeoutSeconds: 150,
    main: {
      key: serviceAlias(serviceId),
      containerName: input.containerName,
      healthcheck,
      stopGraceSeconds,
      networks: [serviceNetwork(serviceId), ...input.networks],
      volumes: [volume(serviceId)],
      ports: publishedPorts(input),
      shmSizeMb: 256,
    },
  }
}
