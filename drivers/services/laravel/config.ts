import { z } from 'zod'
import { processRoles, type ProcessRole } from '../../../domain/services.ts'

/** A command line for the container's shell. */
const command = z.string().trim().min(1, 'must not be empty').max(4096, 'must have at most 4096 characters')
/** A folder below the application's root, without a way out of it. */
const relativePath = z
  .string()
  .max(200, 'must have at most 200 characters')
  .regex(/^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/, 'must be a folder of the application such as storage/app, without a slash in front')
  .refine((path) => !path.split('/').some((part) => part === '.' || part === '..'), 'must not lead out of the application')
/** The application's folder in its repository. */
export const projectRoot = z.union([z.literal('.'), relativePath])
const urlPath = z.string().regex(/^\/[A-Za-z0-9._~/-]*$/, 'must be the path of a URL such as /up')

const variableName = z.string().max(200).regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must have letters, digits and underscores only, and not begin with a digit')

const seconds = z.int('must be a whole number of seconds')

/** `environments.build_config`: what the one image of an environment is made with. */
export const buildSchema = z.object({
  phpVersion: z.string().regex(/^8\.\d$/, 'must be a version of PHP such as 8.4').default('8.4'),
  phpExtensions: z.array(z.string().regex(/^[a-z0-9_]+$/, 'must be the name of an extension such as intl')).default([]),
  documentRoot: relativePath.default('public'),
  composerFlags: z.array(z.string().regex(/^--[a-z-]+(?:=[A-Za-z0-9.,_-]+)?$/, 'must be an option of composer install such as --no-scripts')).default([]),
  assetBuild: z.enum(['none', 'node', 'bun'], 'must be one of none, node, bun').default('none'),
  /** What composer and the asset build see beside build secrets, e.g. `VITE_APP_NAME`. They are no secrets; neither are they in any layer. */
  variables: z.record(variableName, z.string().max(65_536, 'must have at most 65536 characters')).default({}),
  /** Folders that exist in the image with the right owner; services may keep them as volumes. */
  persistentPaths: z.array(relativePath).default(['storage/app']),
})
export type BuildConfig = z.infer<typeof buildSchema>

/** Each of them is a step of its own. */
const commands = z.array(command).max(15, 'must have at most 15 commands: put more into a script').default([])

const queueSchema = z.object({
  /** The first one is worked off first. */
  queues: z.array(z.string().regex(/^[A-Za-z0-9_:.{}][A-Za-z0-9_:.{}-]*$/, 'must be the name of a queue such as default')).min(1, 'must name a queue').default(['default']),
  tries: z.int('must be a whole number').positive('must be at least 1').default(3),
  timeoutSeconds: seconds.positive('must be at least 1').default(60),
  memoryMb: z.int('must be a whole number').positive('must be at least 1').default(256),
  maxTimeSeconds: seconds.positive('must be at least 1').default(3600),
  /** How many of them work side by side in each container; its memory limit is for all of them. */
  processes: z.int('must be a whole number').min(1, 'must be at least 1').max(64, 'must be at most 64').default(1),
})

/** `services.config` of a web, worker or websocket service. */
export const serviceSchema = z.object({
  healthPath: urlPath.default('/up'),
  /** URL prefixes of hashed assets: during a cutover what one version does not have is asked of the other. */
  assetPaths: z.array(urlPath).default(['/build']),
  startTimeoutSeconds: seconds.positive('must be at least 1').default(60),
  drainWindowSeconds: seconds.nonnegative('must not be negative').default(30),
  persistentPaths: z.array(relativePath).default(['storage/app']),
  migration: z
    .object({
      /** `manual`: a person runs it, `POST …/migrations`; a deployment does not. */
      mode: z.enum(['auto', 'manual', 'disabled'], 'must be one of auto, manual, disabled').default('auto'),
      timing: z.enum(['pre_switch', 'post_switch'], 'must be pre_switch or post_switch').default('pre_switch'),
      command: command.default('php artisan migrate --force'),
    })
    .prefault({}),
  /** Of the web service, in a container of the new image each: after the migration, before the new version gets traffic. */
  preSwitchCommands: commands,
  /** The same once it has all traffic, and before the deployment counts as done: until then a failure takes it back. */
  postSwitchCommands: commands,
  queue: queueSchema.prefault({}),
  web: z
    .object({
      /**
       * How many requests each web replica works on at once; as FPM's `pm.max_children`, each may need PHP's whole `memory_limit`.
       * FrankenPHP's own two for each core are too few for answers that wait for a database or another service.
       */
      threads: z.int('must be a whole number').min(2, 'must be at least 2').max(1024, 'must be at most 1024').default(16),
    })
    .prefault({}),
  /** A worker beside each web replica, for applications with few jobs; a worker service is better where there are many. */
  embeddedWorker: z.boolean().default(false),
  /** Instead of `queue:work` with the settings of `queue`, e.g. `php artisan horizon`. */
  workerCommand: command.nullable().default(null),
  websocket: z
    .object({
      command: command.default('php artisan reverb:start --host=0.0.0.0 --port=8080'),
      port: z.int('must be a port, 1 to 65535').min(1, 'must be at least 1').max(65535, 'must be at most 65535').default(8080),
      /** What leads to it on the environment's domains, with all below: by default Reverb's sockets and its API. */
      paths: z.array(urlPath).min(1, 'must name a path').default(['/app', '/apps']),
    })
    .prefault({}),
  /** How long a running `schedule:run` may take to end before it is killed. */
  schedulerGraceSeconds: seconds.positive('must be at least 1').default(120),
})
export type ServiceConfig = z.infer<typeof serviceSchema>

/** A worker may finish its current job: its timeout and 10 s more (design section 7). */
export function stopGraceSeconds(role: ProcessRole, config: ServiceConfig): number {
  return role === 'worker' ? config.queue.timeoutSeconds + 10 : config.drainWindowSeconds + 10
}

/** The same for a whole replica, which a worker may be a part of. */
export function replicaGraceSeconds(role: ProcessRole, config: ServiceConfig): number {
  return Math.max(...[role, ...(hasEmbeddedWorker(role, config) ? (['worker'] as const) : [])].map((each) => stopGraceSeconds(each, config)))
}

export const hasEmbeddedWorker = (role: ProcessRole, { embeddedWorker }: ServiceConfig): boolean => role === 'web' && embeddedWorker

export const laravelRoles = processRoles.filter((role) => role !== 'server')
