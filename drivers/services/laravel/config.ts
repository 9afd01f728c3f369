import { z } from 'zod'
import { processRoles, type ProcessRole } from '../../../domain/services.ts'

const command = z.string().trim().min(1).max(4096)
/** A folder below the application's root, without a way out of it. */
const relativePath = z.string().regex(/^[A-Za-z0-9._-]+(?:\/[A-Za-z0-9._-]+)*$/).refine((path) => !path.split('/').includes('..'))
/** The application's folder in its repository. */
export const projectRoot = z.union([z.literal('.'), relativePath])
const urlPath = z.string().regex(/^\/[A-Za-z0-9._~/-]*$/)

/** `environments.build_config`: what the one image of an environment is made with. */
export const buildSchema = z.object({
  phpVersion: z.string().regex(/^8\.\d$/).default('8.4'),
  phpExtensions: z.array(z.string().regex(/^[a-z0-9_]+$/)).default([]),
  documentRoot: relativePath.default('public'),
  composerFlags: z.array(z.string().regex(/^--[a-z-]+(?:=[A-Za-z0-9.,_-]+)?$/)).default([]),
  assetBuild: z.enum(['none', 'node', 'bun']).default('none'),
  /** Folders that exist in the image with the right owner; services may keep them as volumes. */
  persistentPaths: z.array(relativePath).default(['storage/app']),
})
export type BuildConfig = z.infer<typeof buildSchema>

const queueSchema = z.object({
  queues: z.array(z.string().regex(/^[A-Za-z0-9_:.{}-]+$/)).min(1).default(['default']),
  tries: z.int().positive().default(3),
  timeoutSeconds: z.int().positive().default(60),
  memoryMb: z.int().positive().default(256),
  maxTimeSeconds: z.int().positive().default(3600),
})

/** `services.config` of a web, worker or websocket service. */
export const serviceSchema = z.object({
  healthPath: urlPath.default('/up'),
  /** URL prefixes of hashed assets: during a cutover what one version does not have is asked of the other. */
  assetPaths: z.array(urlPath).default(['/build']),
  startTimeoutSeconds: z.int().positive().default(60),
  drainWindowSeconds: z.int().nonnegative().default(30),
  persistentPaths: z.array(relativePath).default(['storage/app']),
  migration: z
    .object({
      mode: z.enum(['auto', 'manual', 'disabled']).default('auto'),
      timing: z.enum(['pre_switch', 'post_switch']).default('pre_switch'),
      command: command.default('php artisan migrate --force'),
    })
    .prefault({}),
  queue: queueSchema.prefault({}),
  web: z
    .object({
      /**
       * How many requests each web replica works on at once; as FPM's `pm.max_children`, each may need PHP's whole `memory_limit`.
       * FrankenPHP's own two for each core are too few for answers that wait for a database or another service.
       */
      threads: z.int().min(2).max(1024).default(16),
    })
    .prefault({}),
  /** A worker beside each web replica, for applications with few jobs; a worker service is better where there are many. */
  embeddedWorker: z.boolean().default(false),
  /** Instead of `queue:work` with the settings of `queue`, e.g. `php artisan horizon`. */
  workerCommand: command.nullable().default(null),
  websocket: z
    .object({
      command: command.default('php artisan reverb:start --host=0.0.0.0 --port=8080'),
      port: z.int().min(1).max(65535).default(8080),
      /** What leads to it on the environment's domains, with all below: by default Reverb's sockets and its API. */
      paths: z.array(urlPath).min(1).default(['/app', '/apps']),
    })
    .prefault({}),
  /** How long a running `schedule:run` may take to end before it is killed. */
  schedulerGraceSeconds: z.int().positive().default(120),
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
