import { createHash } from 'node:crypto'
import { z } from 'zod'
import { platformTag, storedTag } from '../../../domain/images.ts'
import { repositoryScript } from '../../sources/compare-head.ts'
import type { ServiceStep } from '../contract-step.ts'
import type { BaseImage, BuildDriver, BuildFacts, BuildInput, BuildSource, BuiltPlatform, ConfiguredBuild } from '../contract-application.ts'
import { lines, textBeside } from '../scripts.ts'
import { type BuildConfig, buildSchema, projectRoot } from './config.ts'
import { dockerignore, renderDockerfile } from './dockerfile.ts'
import { buildInputs, inputsArgument, inputsFingerprint } from './inputs.ts'

const script = repositoryScript + textBeside(import.meta.url, 'build.sh')

export const build: BuildDriver = {
  configSchema: buildSchema,
  configured: (stored) => configured(buildSchema.parse(stored)),
}

function configured(config: BuildConfig): ConfiguredBuild {
  const bases = baseImages(config)
  const key = (source: BuildSource) => artifactKey(config, source)
  return { baseImages: bases, key, imageTag, run: (input) => buildStep(config, bases, input, key(input)) }
}

function baseImages({ phpVersion, assetBuild }: BuildConfig): BaseImage[] {
  return [
    { name: 'php', reference: `serversideup/php:${phpVersion}-frankenphp` },
    { name: 'composer', reference: 'composer:2' },
    ...(assetBuild === 'node' ? [{ name: 'assets', reference: 'node:22' }] : []),
    ...(assetBuild === 'bun' ? [{ name: 'assets', reference: 'oven/bun:1' }] : []),
  ]
}

/** The rendered Dockerfile stands for configuration and template version alike. */
function artifactKey(config: BuildConfig, { commitSha, projectRoot: root, baseDigests, platforms, storedAs, secretVersions }: BuildSource): string {
  const inputs = inputsFingerprint(config, secretVersions)
  const dockerfile = renderDockerfile(config, { cacheId: '', hasInputs: inputs !== null })
  const digests = Object.entries(baseDigests).toSorted(([one], [other]) => (one < other ? -1 : 1))
  const parts = [commitSha, root, dockerfile, dockerignore, digests, platforms, ...(storedAs === null ? [] : [storedAs]), ...(inputs === null ? [] : [{ inputs }])]
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex')
}

const imageTag = (environmentId: string, key: string) => `keystone/${environmentId}:${key.slice(0, 12)}`

function buildStep(config: BuildConfig, bases: readonly BaseImage[], input: BuildInput, key: string): ServiceStep<BuildFacts> {
  const tag = imageTag(input.environmentId, key)
  const inputs = inputsFingerprint(config, input.secretVersions)
  return {
    name: 'build image',
    script,
    inputs: {
      ARTIFACT_KEY: key,
      IMAGES: lines(input.platforms.map((platform) => imageLine(platform, { ...input, tag, key }))),
      COMMIT: input.commitSha,
      PROJECT_ROOT: projectRoot.parse(input.projectRoot),
      REPOSITORY_URL: input.repositoryUrl,
      KNOWN_HOSTS: input.knownHosts,
      DOCKERFILE: renderDockerfile(config, { cacheId: input.applicationId, hasInputs: inputs !== null }),
      DOCKERIGNORE: dockerignore,
      BUILD_ARGS: lines([...bases.map((base) => baseArgument(base, input)), ...inputsArgument(inputs), `KEYSTONE_COMMIT=${input.commitSha}`]),
      IMAGE_LABELS: lines(imageLabels(input, key)),
      BUILDX_CONFIG: '/home/keystone/.buildx',
    },
    secrets: {
      'deploy-key': input.deployKey,
      ...(input.dockerConfig ? { 'config.json': input.dockerConfig } : {}),
      ...(inputs === null ? {} : { 'build-inputs': buildInputs(config, input.secrets) }),
    },
    files: [],
    parse(result) {
      const reports = result.trim().split('\n').map((line) => buildReport.parse(JSON.parse(line)))
      const images = input.platforms.map((platform, index) => builtPlatform(platform, reports[index], input.storedAs))
      return { images, reused: reports.every(({ reused }) => reused) }
    },
  }
}

interface BuiltImage extends Pick<BuildInput, 'platforms' | 'storedAs'> {
  tag: string
  key: string
}

/** A platform, under which tag its image lies on the server, and under which one it is pushed, if it is. */
function imageLine(platform: string, { platforms, storedAs, tag, key }: BuiltImage): string {
  const stored = storedAs === null ? [] : [storedTag(storedAs, key)]
  return [platform, ...[tag, ...stored].map((name) => platformTag(name, platform, platforms))].join(' ')
}

/** Throws where the image is for another platform: a base image that is for one alone does not become another by the wish. */
function builtPlatform(platform: string, report: z.infer<typeof buildReport> | undefined, storedAs: string | null): BuiltPlatform {
  if (!report) throw new Error(`nothing was built for ${platform}`)
  const { os, architecture, digests, imageId, sizeBytes } = report
  if (`${os}/${architecture}` !== platform) throw new Error(`the image for ${platform} came out for ${os}/${architecture}: a base image is not there for ${platform}`)
  return { platform, imageId, sizeBytes, digest: storedAs === null ? null : digestUnder(storedAs, digests) }
}

function digestUnder(name: string, digests: readonly string[]): string {
  const digest = digests.find((candidate) => candidate.startsWith(`${name}@sha256:`))
  if (!digest) throw new Error(`Docker shows no digest of ${name}: it was not pushed`)
  return digest
}

function baseArgument({ name }: BaseImage, { baseDigests }: BuildInput): string {
  const digest = baseDigests[name]
  if (!digest) throw new Error(`the base image "${name}" has no resolved digest`)
  return `${name.toUpperCase()}_IMAGE=${digest}`
}

const imageLabels = (input: BuildInput, key: string): string[] => [
  `keystone.organisation=${input.organisationId}`,
  `keystone.application=${input.applicationId}`,
  `keystone.environment=${input.environmentId}`,
  `keystone.commit=${input.commitSha}`,
  `keystone.artifact=${key}`,
]

const buildReport = z.object({
  imageId: z.string().startsWith('sha256:'),
  sizeBytes: z.int(),
  os: z.string(),
  architecture: z.string(),
  reused: z.boolean(),
  digests: z.array(z.string()),
})
