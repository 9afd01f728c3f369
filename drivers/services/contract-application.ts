import type { z } from 'zod'
import type { Secret } from '../../domain/secret.ts'
import type { ReplicaInput, ServiceStep, StoredConfig } from './contract.ts'

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
  /** e.g. `linux/amd64`. */
  platform: string
}

export interface BuildInput extends BuildSource {
  organisationId: string
  applicationId: string
  environmentId: string
  repositoryUrl: string
  deployKey: Secret
  /** Lines for the known_hosts file of the build, the git host's pinned keys. */
  knownHosts: string
}

/** The image that exists on the server after the step, built now or found by its key. */
export interface BuildFacts {
  /** `sha256:<image id>` */
  imageId: string
  imageTag: string
  sizeBytes: number
  platform: string
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

/** A command in a container of its own, with the image, variables, networks and volumes of a replica that need not run. */
export interface OneOffInput {
  replica: ReplicaInput
  /** Label such as `migrate`, unique within the operation. */
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

/** What an application can do beyond running replicas. */
export interface ApplicationProcesses {
  healthPath: string
  /** URL prefixes of hashed assets. */
  assetPaths: readonly string[]
  migration: MigrationPolicy
  /** Seconds that an old replica keeps for the requests and connections it has. */
  drainWindowSeconds: number
  oneOff(input: OneOffInput): ServiceStep<OneOffFacts>
  /** Stops and removes every one-off container of the operation with this hash; fine when there is none. */
  stopOneOffs(input: { operationHash: string }): ServiceStep<void>
  /** Starts the scheduler container in the replica's project; returns when it has stayed up. Ticks at each full minute. */
  startScheduler(input: ReplicaInput): ServiceStep<{ containerId: string }>
  /** No more ticks, waits for the running one, and returns when Docker shows the container gone. Fine when there is none. */
  stopScheduler(input: Pick<ReplicaInput, 'ownership' | 'containerName'>): ServiceStep<void>
}
