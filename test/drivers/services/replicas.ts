import type { ReplicaInput } from '../../../drivers/services/contract-step.ts'

/** A replica to render in tests; what matters to a test is given by it. */
export function replica(overrides: Partial<ReplicaInput> = {}): ReplicaInput {
  return {
    ownership: { organisationId: 'org', environmentId: null, serviceId: 'svc', replicaId: 'rep', operationId: 'op' },
    containerName: 'main',
    role: 'server',
    image: `postgres@sha256:${'a'.repeat(64)}`,
    imageIsLocal: false,
    env: {},
    networks: [],
    cpuLimit: null,
    memoryLimitMb: null,
    publish: [],
    gateway: null,
    admin: {},
    ...overrides,
  }
}
