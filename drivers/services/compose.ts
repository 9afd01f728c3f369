import { stringify } from 'yaml'
import { ownershipLabels } from '../../domain/services.ts'
import type { VolumeSpec } from './contract.ts'
import type { ReplicaInput } from './contract-step.ts'

/** The part of a container that the driver decides; the rest comes from the replica. */
export interface ContainerShape {
  /** Compose service key, an alias on every network it joins: unique on all servers. */
  key: string
  containerName: string
  command?: readonly string[]
  entrypoint?: readonly string[]
  /** Settings of the driver; variables of the same name take their place. */
  environment?: Readonly<Record<string, string>>
  healthcheck?: Healthcheck
  stopGraceSeconds: number
  networks: readonly string[]
  volumes: readonly VolumeSpec[]
  /** Files and folders of the project, as `./folder:/target[:ro]`. */
  mounts?: readonly string[]
  /** Ports in Compose's short form, e.g. `80:80`. */
  ports: readonly string[]
  labels?: Readonly<Record<string, string>>
  profiles?: readonly string[]
  shmSizeMb?: number
}

export interface Healthcheck {
  test: readonly string[]
  intervalSeconds: number
  timeoutSeconds: number
  retries: number
  /** While it lasts failures do not count and the test runs every 100 ms, so that a healthy container is found at once (Docker ≥ 25). */
  startPeriodSeconds: number
}

/** The text of a compose.yml. Values reach Docker literally: nothing in them is interpolated. */
export function renderCompose(input: ReplicaInput, project: string, containers: readonly ContainerShape[]): string {
  const networks = [...new Set(containers.flatMap((container) => container.networks))]
  const volumes = [...new Set(containers.flatMap((container) => container.volumes.map((volume) => volume.name)))]
  const external = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, { name, external: true }]))
  return stringify(
    withoutInterpolation({
      name: project,
      services: Object.fromEntries(containers.map((container) => [container.key, composeService(input, container)])),
      networks: external(networks),
      ...(volumes.length > 0 ? { volumes: external(volumes) } : {}),
    }),
    { defaultStringType: 'QUOTE_DOUBLE', defaultKeyType: 'PLAIN', lineWidth: 0, aliasDuplicateObjects: false },
  )
}

function composeService(input: ReplicaInput, container: ContainerShape) {
  const memory = input.memoryLimitMb === null ? {} : { mem_limit: `${input.memoryLimitMb}m`, memswap_limit: `${input.memoryLimitMb}m` }
  const environment = Object.entries(container.environment ?? {}).filter(([key]) => !(key in input.env))
  const mounts = [...container.volumes.map((volume) => `${volume.name}:${volume.target}`), ...(container.mounts ?? [])]
  return {
    image: input.image,
    pull_policy: input.imageIsLocal ? 'never' : 'missing',
    container_name: container.containerName,
    ...(container.profiles ? { profiles: container.profiles } : {}),
    ...(container.entrypoint ? { entrypoint: container.entrypoint } : {}),
    ...(container.command ? { command: container.command } : {}),
    restart: 'unless-stopped',
    env_file: ['.env'],
    ...(environment.length > 0 ? { environment: Object.fromEntries(environment) } : {}),
    labels: { ...ownershipLabels(input.ownership), ...container.labels },
    networks: container.networks,
    ...(container.ports.length > 0 ? { ports: container.ports } : {}),
    ...(mounts.length > 0 ? { volumes: mounts } : {}),
    ...(input.cpuLimit === null ? {} : { cpus: input.cpuLimit }),
    ...memory,
    ...(container.shmSizeMb ? { shm_size: `${container.shmSizeMb}m` } : {}),
    stop_grace_period: `${container.stopGraceSeconds}s`,
    ...(container.healthcheck ? { healthcheck: composeHealthcheck(container.healthcheck) } : {}),
    logging: { driver: 'json-file', options: { 'max-size': '10m', 'max-file': '3' } },
  }
}

function composeHealthcheck({ test, intervalSeconds, timeoutSeconds, retries, startPeriodSeconds }: Healthcheck) {
  return {
    test,
    interval: `${intervalSeconds}s`,
    timeout: `${timeoutSeconds}s`,
    retries,
    start_period: `${startPeriodSeconds}s`,
    start_interval: '100ms',
  }
}

function withoutInterpolation(value: unknown): unknown {
  if (typeof value === 'string') return value.replaceAll('$', '$$$$')
  if (Array.isArray(value)) return value.map(withoutInterpolation)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, withoutInterpolation(entry)]))
}
