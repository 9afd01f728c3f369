import type { ServiceStep } from './contract-step.ts'
import { lines, textBeside } from './scripts.ts'

const foldersScript = textBeside(import.meta.url, 'operation-folders.sh')
const imagesScript = textBeside(import.meta.url, 'prune.sh')
const tidyScript = ['set -euo pipefail', foldersScript, textBeside(import.meta.url, 'ended-one-offs.sh')].join('\n')

/** Long enough to look at a failed step on the server itself; its log is in the database for ever. */
const operationFolderDays = 7

/** What is to stay on a server when an environment is pruned there. */
export interface Kept {
  environmentId: string
  /** Names under which its images may lie beside its own, in registries. */
  storedAs: readonly string[]
  /** Image ids, `sha256:…`. */
  images: readonly string[]
  /** Image ids that alone may go, where what is not kept may be new; else every one may that is not kept. */
  only?: readonly string[]
  /** Images, `name@sha256:…`, that were built elsewhere and may go. */
  unneeded: readonly string[]
  /** Hashes of operations that are not over, whatever their age. */
  operations: readonly string[]
}

/** The environment's named images that are there after it. */
export interface PruneFacts {
  /** Image ids, `sha256:…`. */
  imageIds: readonly string[]
}

/** Removes an environment's images but those that are kept or in use, and the folders of old operations. */
export function prune({ environmentId, storedAs, images, only, unneeded, operations }: Kept): ServiceStep<PruneFacts> {
  return {
    name: 'prune',
    script: `${imagesScript}\n${foldersScript}`,
    inputs: {
      ENVIRONMENT: environmentId,
      NAMES: lines([`keystone/${environmentId}`, ...storedAs]),
      KEEP_IMAGES: lines(images),
      ONLY_IMAGES: only ? lines(only) : 'all',
      UNNEEDED: lines(unneeded),
      KEEP_OPERATIONS: lines(operations),
      FOLDER_DAYS: `${operationFolderDays}`,
    },
    secrets: {},
    files: [],
    parse: (result) => ({ imageIds: result.split('\n').flatMap((line) => line.split(' ')[1] ?? []) }),
  }
}

/** What is to stay on a server that is tidied up, and whose containers may go. */
export interface Tidied {
  organisationId: string
  /** Hashes of operations that are not over, whatever their age. */
  operations: readonly string[]
}

/** Removes the folders of old operations, and containers in which an operation has run a command and has left it; tells each. */
export function tidy({ organisationId, operations }: Tidied): ServiceStep<void> {
  return {
    name: 'tidy up',
    script: tidyScript,
    inputs: { ORGANISATION: organisationId, KEEP_OPERATIONS: lines(operations), FOLDER_DAYS: `${operationFolderDays}` },
    ...{ secrets: {}, files: [], parse: () => {} },
  }
}
