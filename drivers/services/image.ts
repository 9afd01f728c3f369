import { z } from 'zod'
import type { Secret } from '../../domain/secret.ts'
import type { ImageFacts } from './contract.ts'
import type { ServiceStep } from './contract-step.ts'
import { lines, textBeside } from './scripts.ts'

const script = textBeside(import.meta.url, 'image-resolve.sh')
const pullScript = textBeside(import.meta.url, 'image-pull.sh')
/** Needs the input `NAMES`. */
export const imageRemoveScript = textBeside(import.meta.url, 'image-remove.sh')
const replacedScript = textBeside(import.meta.url, 'image-replaced.sh')
const findScript = textBeside(import.meta.url, 'image-find.sh')
const report = z.object({ imageId: z.string().startsWith('sha256:'), digests: z.array(z.string()) })

/** Pulls a tag and reports its digest; given a digest resolved before (`name@sha256:…`), makes exactly this one present. */
export function resolveImage(reference: string): ServiceStep<ImageFacts> {
  return {
    name: `resolve image ${reference.split('@')[0]}`,
    script,
    inputs: { REFERENCE: reference },
    secrets: {},
    files: [],
    parse(result) {
      const { imageId, digests } = report.parse(JSON.parse(result))
      const digest = digests.find((candidate) => candidate.startsWith(`${repositoryOf(reference)}@sha256:`))
      if (!digest) throw new Error(`Docker shows no digest of ${reference}: it was not pulled from a registry`)
      return { digest, imageId }
    },
  }
}

/** `postgres` of `postgres:18`: a colon before the last slash belongs to the registry's port. */
export function repositoryOf(reference: string): string {
  return reference.replace(/@sha256:.*$/, '').replace(/:[^:/]+$/, '')
}

/** Makes an image, `name@sha256:…`, present; `dockerConfig` is a `config.json` that opens its registry, for this step only. */
export function pullImage(image: string, dockerConfig: Secret): ServiceStep<void> {
  return {
    ...{ name: 'pull image', script: pullScript, inputs: { IMAGE: image }, secrets: { 'config.json': dockerConfig } },
    ...{ files: [], parse: () => {} },
  }
}

/** Removes an image under these names, tags or digests, unless a container uses it. */
export function removeImage(names: readonly string[]): ServiceStep<void> {
  return { name: 'remove image', script: imageRemoveScript, inputs: { NAMES: lines(names) }, secrets: {}, files: [], parse: () => {} }
}

/** Removes an image, `name@sha256:…`, that was pulled by `tag` once, with that tag where it still stands for it, unless a container uses it. */
export function removeReplacedImage(image: string, tag: string): ServiceStep<void> {
  return { name: 'remove replaced image', script: replacedScript, inputs: { IMAGE: image, TAG: tag }, secrets: {}, files: [], parse: () => {} }
}

/** How `findImage` ends where the image is not there. */
export const absentImageExitCode = 44

/** Looks whether the image with this id, `sha256:…`, is there; changes nothing. */
export function findImage(imageId: string): ServiceStep<void> {
  return { name: 'find image', script: findScript, inputs: { IMAGE: imageId }, secrets: {}, files: [], parse: () => {} }
}
