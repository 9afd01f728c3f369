import { serviceFolder } from '../../../domain/services.ts'
import { defineService } from '../define.ts'
import { generationProject, startStep, stopStep } from '../replica.ts'
import { build } from './build.ts'
import { laravelRoles, replicaGraceSeconds, type ServiceConfig, serviceSchema } from './config.ts'
import { processes } from './processes.ts'
import { persistentVolumes, replicaShape, webPort } from './shape.ts'

export const laravel = defineService({
  name: 'laravel',
  category: 'application',
  label: 'Laravel',
  versionTrack: 'managed',
  defaultDeployPolicy: 'with_environment',
  defaultProcessRoles: laravelRoles,
  configSchema: serviceSchema,
  refuseChange(from: ServiceConfig, to: ServiceConfig) {
    const gone = from.persistentPaths.find((path) => !to.persistentPaths.includes(path))
    if (gone === undefined) return null
    return { setting: 'persistentPaths', reason: `${gone} has a volume with files of the running application: paths can be added, but not taken away` }
  },
  resourceDefaults: { cpuLimit: null, memoryLimitMb: null },
  update: { downtime: false, dataRisk: false, backup: false },
  stateful: false,
  generateAdmin: () => ({}),
  slices: null,
  build,
  configured: (config: ServiceConfig) => ({
    image: { from: 'build' },
    ports(role) {
      if (role === 'web') return [{ name: 'http', containerPort: webPort, protocol: 'tcp', exposure: 'internal' }]
      if (role === 'websocket') return [{ name: 'websocket', containerPort: config.websocket.port, protocol: 'tcp', exposure: 'internal' }]
      return []
    },
    volumes: ({ environmentId }) => persistentVolumes(config, environmentId),
    remains: ({ serviceId }) => ({ folders: [serviceFolder(serviceId)], networks: [] }),
    stopGraceSeconds: (role) => replicaGraceSeconds(role, config),
    startReplica: (input) => startStep(`start ${input.role}`, input, replicaShape(config, input)),
    stopReplica: ({ ownership, role }) =>
      stopStep(ownership, { project: generationProject(ownership), graceSeconds: replicaGraceSeconds(role, config) }),
    application: processes(config),
    gateway: null,
    builder: null,
  }),
})
