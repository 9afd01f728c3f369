import { z } from 'zod'
import { type Answers, linesOf, secretOf, text, withInputs } from './answer.ts'
import { idOf, type Machine } from './machine.ts'
import type { StepParts } from './parcel.ts'
import { askRegistry } from './registry-client.ts'
import { expectThat } from './violation.ts'

/** `postgres` of `postgres:18` and of `postgres@sha256:…`. */
const repositoryOf = (reference: string): string => reference.replace(/@sha256:.*$/, '').replace(/:[^:/]+$/, '')

const isDigest = (reference: string): boolean => /@sha256:[0-9a-f]{64}$/.test(reference)

const buildInputs = {
  ...{ ARTIFACT_KEY: text, IMAGES: text, COMMIT: text, PROJECT_ROOT: text, REPOSITORY_URL: text, KNOWN_HOSTS: text },
  ...{ DOCKERFILE: text, DOCKERIGNORE: text, BUILD_ARGS: text, IMAGE_LABELS: text, BUILDX_CONFIG: text },
}

const pruneInputs = { ENVIRONMENT: z.uuid(), NAMES: text, KEEP_IMAGES: text, ONLY_IMAGES: z.literal('all'), UNNEEDED: text, KEEP_OPERATIONS: text, FOLDER_DAYS: text }

/** Steps about images (drivers/services/image.ts, prune.ts and laravel/build.ts). */
export const imageAnswers: Answers = {
  'resolve-image-': withInputs({ REFERENCE: text }, (machine, { REFERENCE }) => {
    const digest = isDigest(REFERENCE) ? REFERENCE : `${repositoryOf(REFERENCE)}@sha256:${idOf(REFERENCE)}`
    return { result: JSON.stringify({ imageId: take(machine, digest, `sha256:${idOf(digest)}`), digests: [digest] }) }
  }),

  'build-image': withInputs(buildInputs, async (machine, inputs, parts) => {
    expectThat(secretOf(parts, 'deploy-key').includes('PRIVATE KEY'), 'a deploy key that is none')
    const [platform, tag = '', storedAs] = inputs.IMAGES.split(' ')
    expectThat(platform === 'linux/amd64', `builds for ${inputs.IMAGES}, where all servers are amd64`)
    const reused = machine.images.has(tag)
    const imageId = `sha256:${idOf(inputs.ARTIFACT_KEY)}`
    machine.images.set(tag, imageId).set(imageId, imageId)
    const digests = storedAs === undefined ? [] : [await push(machine, parts, { tag: storedAs, imageId })]
    const report = { imageId, sizeBytes: 184_000_000, os: 'linux', architecture: 'amd64', digests, reused }
    return { out: buildLog(inputs.COMMIT), result: JSON.stringify(report) }
  }),

  'pull-image': withInputs({ IMAGE: text }, async (machine, { IMAGE }, parts) => {
    expectThat(isDigest(IMAGE), `an image that is no digest: ${IMAGE}`)
    const { status, manifest } = await askRegistry(IMAGE, secretOf(parts, 'config.json'), null)
    if (status !== 200) return { err: `the registry answers ${status} to ${IMAGE}\n`, exitCode: 1 }
    take(machine, IMAGE, manifest)
    return {}
  }),

  'find-image': withInputs({ IMAGE: text }, ({ images }, { IMAGE }) =>
    images.has(IMAGE) ? {} : { err: `the image ${IMAGE} is not on this server\n`, exitCode: 44 },
  ),

  'remove-image': withInputs({ NAMES: text }, (machine, { NAMES }) => {
    for (const name of linesOf(NAMES)) machine.images.delete(name)
    return {}
  }),

  prune: withInputs(pruneInputs, (machine, inputs) => {
    for (const reference of linesOf(inputs.UNNEEDED)) machine.images.delete(reference)
    const kept = linesOf(inputs.KEEP_IMAGES)
    const used = new Set([...machine.containers.values()].map(({ image }) => machine.images.get(image)))
    const own = [...machine.images].filter(([reference]) => linesOf(inputs.NAMES).includes(repositoryOf(reference)))
    const gone = own.filter(([, id]) => !kept.includes(id) && !used.has(id))
    for (const [reference] of gone) machine.images.delete(reference)
    return { result: own.filter((one) => !gone.includes(one)).map(([reference, id]) => `${reference} ${id}`).join('\n') }
  }),
}

/** Makes an image present and answers its id. */
function take({ images }: Machine, digest: string, id: string): string {
  images.set(digest, id).set(id, id)
  return id
}

/** Pushes an image under its tag; answers the digest by which others pull it. */
async function push({ images }: Machine, parts: StepParts, { tag, imageId }: { tag: string; imageId: string }): Promise<string> {
  const { status, digest } = await askRegistry(tag, secretOf(parts, 'config.json'), imageId)
  expectThat(status === 201 && digest !== null, `the registry answers ${status} to a push of ${tag}`)
  const reference = `${repositoryOf(tag)}@${digest}`
  images.set(tag, imageId).set(reference, imageId)
  return reference
}

const buildLog = (commit: string): string =>
  [`Fetching commit ${commit}`, ...Array.from({ length: 150 }, (_, line) => `#${10 + Math.floor(line / 10)} ${line / 10} - Installing package ${line}`), ''].join('\n')
