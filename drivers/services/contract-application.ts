import type { z } from 'zod'
import type { Platform } from '../../domain/images.ts'
import type { Secret } from '../../domain/secret.ts'
import type { Ownership, ReplicaInput, ServiceStep, StoredConfig } from './contract-step.ts'

/** An image that a build starts from: its name in the build, and the tag that is resolved to a digest. */
export interface BaseImage {
  name: string
  reference: string
}

/** What an artifact is made of; equal sources have the same key and are built once. */
export interface BuildSource {
  commitSha: string
  /** Folder of the application in the repository, `.` for its root. */
  projectRoot: string
  /** Digest by base image name, e.g. `{ php: 'serversideup/php@sha256:…' }`. */
  baseDigests: Readonly<Record<string, string>>
  /** Sorted, e.g. `['linux/amd64', 'linux/arm64']`; an image for several is put together in the registry. */
  platforms: readonly Platform[]
  /** Under which name it is stored in a registry, e.g. `registry.example.com/team/shop-production`; null where it is not. */
  storedAs: string | null
  /** Build secrets by name, each by what stands for its value and tells nothing of it: another one with each value. */
  secretVersions: Readonly<Record<string, string>>
}

export interface BuildInput extends BuildSource {
  organisationId: string
  applicationId: string
  environmentId: string
  repositoryUrl: string
  deployKey: Secret
  /** Lines for the known_hosts file of the build, the git host's pinned keys. */
  knownHosts: string
  /** A `config.json` of the Docker client that lets it push under `storedAs`; null where nothing is pushed. */
  dockerConfig: Secret | null
  /** What composer and the asset build are to see, and no layer is to hold. */
  secrets: Readonly<Record<string, Secret>>
}

/** One platform's image that exists on the server after the step, built now or found by its key. */
export interface BuiltPlatform {
  platform: string
  /** `sha256:<image id>` */
  imageId: string
  /** `name@sha256:…` in the registry; null where it is stored in none. */
  digest: string | null
  sizeBytes: number
}

/** What there is after the step: an image for each platform. */
export interface BuildFacts {
  /** In the order of the platforms that were asked for. */
  images: readonly BuiltPlatform[]
  /** All of them were there already. */
  reused: boolean
}

/** A build with the environment's stored build configuration. */
export interface ConfiguredBuild {
  baseImages: readonly BaseImage[]
  /** 64 hex characters over everything that the image depends on, the version of the templates included. */
  key(source: BuildSource): string
  /** The image's name on a server: an environment's own, so that removing it takes nothing from another one. */
  imageTag(environmentId: string, key: string): string
  run(input: BuildInput): ServiceStep<BuildFacts>
}

export interface BuildDriver {
  /** Schema of `environments.build_config`. */
  configSchema: z.ZodType<StoredConfig>
  configured(config: unknown): ConfiguredBuild
}

export interface MigrationPolicy {
  mode: 'auto' | 'manual' | 'disabled'
  timing: 'pre_switch' | 'post_switch'
  command: string
}

/** Commands of the user's, in their order: after the migration and before traffic, and when the new version has all of it. */
export interface SwitchCommands {
  pre_switch: readonly string[]
  post_switch: readonly string[]
}

/** A command in a container of its own, with the image, variables, networks and volumes of a replica that need not run. */
export interface OneOffInput {
  replica: ReplicaInput
  /** Such as `migrate` or `pre-switch command 2`, unique within the operation. */
  name: string
  /** A command line for the container's shell. */
  command: string
  /** Whether it may be run again when it vanished without an exit code, as Laravel's own migrate may. */
  repeatable: boolean
}

/**
 * How a one-off ended. `unknown`: it was interrupted from outside and is not repeatable; the step's exit code is then
 * `outcomeUnknownExitCode`, else the command's own.
 */
export type OneOffFacts = { outcome: 'exited'; exitCode: number } | { outcome: 'unknown' }

export const outcomeUnknownExitCode = 75

/**
 * Whom a scheduler follows, so that no minute gets two ticks or none: one on the same server, or one elsewhere that was released
 * after this minute (since 1970).
 */
export type SchedulerBefore = { ownership: Ownership } | { ticked: number }

/** The last minute (since 1970) that a scheduler ticked; null where it was never in charge, or that is not known any more. */
export interface SchedulerFacts {
  ticked: number | null
}

/** What an application can do beyond running replicas. */
export interface ApplicationProcesses {
  healthPath: string
  /** URL prefixes of hashed assets. */
  assetPaths: readonly string[]
  /** URL prefixes of a websocket service. */
  websocketPaths: readonly string[]
  /** Folders that are volumes of each server. */
  persistentPaths: readonly string[]
  migration: MigrationPolicy
  commands: SwitchCommands
  /** A web replica brings a worker of its own. */
  embeddedWorker: boolean
  /** Seconds that an old replica keeps for the requests and connections it has. */
  drainWindowSeconds: number
  oneOff(input: OneOffInput): ServiceStep<OneOffFacts>
  /** Stops and removes every one-off container of the operation with this hash; fine when there is none. */
  stopOneOffs(input: { operationHash: string }): ServiceStep<void>
  /**
   * Starts the scheduler container in the replica's project and, once it has stayed up, puts it in charge of ticking each minute.
   * One that is in charge stays as it is.
   */
  startScheduler(input: { replica: ReplicaInput; follows: SchedulerBefore | null }): ServiceStep<{ containerId: string }>
  /** Takes the charge away: no more ticks from then on. What runs goes on. */
  releaseScheduler(input: Pick<ReplicaInput, 'ownership'>): ServiceStep<SchedulerFacts>
  /** The same, then waits for the running tick, and returns when Docker shows the container gone. Fine when there is none. */
  stopScheduler(input: Pick<ReplicaInput, 'ownership'>): ServiceStep<SchedulerFacts>
}
