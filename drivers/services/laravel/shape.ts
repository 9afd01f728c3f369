import { environmentVolume, gatewayNetwork, replicaAlias, type ProcessRole } from '../../../domain/services.ts'
import type { ContainerShape, Healthcheck } from '../compose.ts'
import type { VolumeSpec } from '../contract.ts'
import type { ReplicaInput } from '../contract-step.ts'
import { publishedPorts } from '../published.ts'
import { generationProject, type ReplicaShape, type SettlingContainer } from '../replica.ts'
import { hasEmbeddedWorker, type ServiceConfig, stopGraceSeconds } from './config.ts'
import { scriptFiles, scriptMounts } from './scripts.ts'

export const webPort = 8080
const applicationFolder = '/var/www/html'
/** Where a scheduler's charge lies: in the project's folder and in the container. */
export const schedulerFolderName = 'scheduler'
const schedulerMount = '/var/lib/keystone-scheduler'

/** How long a worker has to stay up to count as one that works. */
const workerSettleSeconds = 3

/** A generation's project: the replica itself, a worker beside it, and the scheduler that is started by a step of its own. */
export function replicaShape(config: ServiceConfig, input: ReplicaInput): ReplicaShape {
  const project = generationProject(input.ownership)
  return {
    project,
    files: scriptFiles(project),
    main: mainContainer(config, input),
    beside: hasEmbeddedWorker(input.role, config) ? [embeddedWorker(config, input)] : [],
    companions: [schedulerContainer(config, input)],
    ownVolumes: persistentVolumes(ownFolders(config), input.ownership.environmentId),
    startTimeoutSeconds: config.startTimeoutSeconds,
    ...(input.role === 'web' ? { asked: { port: webPort, path: config.healthPath } } : {}),
    ...(input.role === 'worker' ? { settleSeconds: workerSettleSeconds } : {}),
  }
}

/** Lives and ends with its replica, and is told from it by its name. */
function embeddedWorker(config: ServiceConfig, input: ReplicaInput): SettlingContainer {
  return {
    ...runtime(config, input),
    ...command('worker', config),
    key: `worker-${input.ownership.replicaId}`,
    containerName: `${input.containerName}-worker`,
    healthcheck: healthcheck('worker', config),
    stopGraceSeconds: stopGraceSeconds('worker', config),
    ports: [],
    settleSeconds: workerSettleSeconds,
  }
}

function mainContainer(config: ServiceConfig, input: ReplicaInput): ContainerShape {
  const { role } = input
  return {
    ...runtime(config, input),
    key: replicaAlias(input.ownership.replicaId),
    containerName: input.containerName,
    ...command(role, config),
    ...(role === 'web' ? { environment: { FRANKENPHP_CONFIG: frankenphp(config), ...behindGateway } } : {}),
    healthcheck: healthcheck(role, config),
    stopGraceSeconds: stopGraceSeconds(role, config),
    ports: publishedPorts(input),
  }
}

/** The scheduler joins the project behind a profile, so that only naming it starts it. */
export function schedulerContainer(config: ServiceConfig, input: ReplicaInput): ContainerShape {
  return {
    ...runtime(config, input),
    key: `scheduler-${input.ownership.replicaId}`,
    containerName: `${input.containerName}-scheduler`,
    profiles: ['scheduler'],
    command: ['keystone-scheduler', schedulerMount],
    mounts: [...scriptMounts, `./${schedulerFolderName}:${schedulerMount}`],
    healthcheck: processCheck('keystone-schedu'),
    stopGraceSeconds: config.schedulerGraceSeconds,
    ports: [],
    labels: { 'keystone.scheduler': 'yes' },
  }
}

function runtime(config: ServiceConfig, input: ReplicaInput) {
  return {
    networks: [...new Set([gatewayNetwork, ...input.networks])],
    volumes: persistentVolumes(config, input.ownership.environmentId),
    mounts: scriptMounts,
  }
}

/** Volumes of the environment: web and worker, old and new generation on a server see the same files. */
export function persistentVolumes({ persistentPaths }: Pick<ServiceConfig, 'persistentPaths'>, environmentId: string | null): VolumeSpec[] {
  if (environmentId === null) return []
  return persistentPaths.map((path) => ({
    name: environmentVolume(environmentId, path.replaceAll('/', '_')),
    target: `${applicationFolder}/${path}`,
  }))
}

/** The image has the default one, with its owner; of others it may know nothing. */
const ownFolders = ({ persistentPaths }: ServiceConfig) => ({ persistentPaths: persistentPaths.filter((path) => path !== 'storage/app') })

function command(role: ProcessRole, config: ServiceConfig): { command?: string[] } {
  switch (role) {
    case 'web':
      return {}
    case 'worker':
      return { command: config.workerCommand === null ? workers(config) : shell(config.workerCommand) }
    case 'websocket':
      return { command: shell(config.websocket.command) }
    case 'server':
      throw new Error('an application has no process of the role "server"')
    default:
      return role satisfies never
  }
}

const mostWaitSeconds = 30
const secondsToEnd = 3

/**
 * A request that has waited so long for a thread gets a 503. Without that FrankenPHP lets one wait for ever that comes before there
 * are threads (php/frankenphp#2612), as the health check's first one may, and with more than a stop leaves time for it would hold
 * that up until the container is killed.
 */
function frankenphp(config: ServiceConfig): string {
  const waitSeconds = Math.min(mostWaitSeconds, stopGraceSeconds('web', config) - secondsToEnd)
  return [`num_threads ${config.web.threads}`, `max_wait_time ${waitSeconds}s`].join('\n')
}

/** Docker watches a single one itself. */
const workers = (config: ServiceConfig): string[] =>
  config.queue.processes === 1 ? queueWork(config) : ['keystone-workers', `${config.queue.processes}`, ...queueWork(config)]

/**
 * The gateway ends TLS and connects on behalf of the client: the application sees the scheme and the address that the client has,
 * whether it trusts proxies or not. What the client itself claims of these the gateway has replaced.
 */
const behindGateway = {
  CADDY_SERVER_EXTRA_DIRECTIVES: ['@keystone_https header X-Forwarded-Proto https', 'vars @keystone_https keystone_https on'].join('\n'),
  CADDY_PHP_SERVER_OPTIONS: ['env HTTPS {vars.keystone_https}', 'env REMOTE_ADDR {client_ip}'].join('\n'),
}

function queueWork({ queue }: ServiceConfig): string[] {
  return [
    'php',
    'artisan',
    'queue:work',
    `--queue=${queue.queues.join(',')}`,
    `--tries=${queue.tries}`,
    `--timeout=${queue.timeoutSeconds}`,
    `--memory=${queue.memoryMb}`,
    `--max-time=${queue.maxTimeSeconds}`,
    '--no-interaction',
  ]
}

/** `exec`, so that the process itself gets the TERM of a stop. */
const shell = (commandLine: string): string[] => ['sh', '-c', `exec ${commandLine}`]

function healthcheck(role: ProcessRole, config: ServiceConfig): Healthcheck {
  if (role === 'worker') return processCheck(config.workerCommand === null && config.queue.processes > 1 ? 'keystone-worker' : 'php')
  const port = role === 'websocket' ? config.websocket.port : webPort
  return check(['CMD', 'keystone-health', `${port}`, config.healthPath], config.startTimeoutSeconds)
}

/** The image's entrypoint has handed over to the process itself; whether that stays up is watched by the start. */
const processCheck = (process: string): Healthcheck => check(['CMD', 'grep', '-qx', process, '/proc/1/comm'], 60)

const check = (test: readonly string[], startPeriodSeconds: number): Healthcheck => ({
  test,
  intervalSeconds: 10,
  timeoutSeconds: 10,
  retries: 3,
  startPeriodSeconds,
})
