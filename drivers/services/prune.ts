import type { ServiceStep } from './contract.ts'
import { lines, textBeside } from './scripts.ts'

const script = textBeside(import.meta.url, 'prune.sh')

/** Long enough to look at a failed step on the server itself; its log is in the database for ever. */
const operationFolderDays = 7

/** What is to stay on a server when an environment is pruned there. */
export interface Kept {
  environmentId: string
  /** Names under which its images may lie beside its own, in registries. */
  storedAs: readonly string[]
  /** Image ids, `sha256:…`. */
  images: readonly string[]
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
export function prune({ environmentId, storedAs, images, unneeded, operations }: Kept): ServiceStep<PruneFacts> {
  return {
    name: 'prune',
    script,
    inputs: {
      ENVIRONMENT: environmentId,
      NAMES: lines([`keystone/${environmentId}`, ...storedAs]),
      KEEP_IMAGES: lines(images),
      UNNEEDED: lines(unneeded),
      KEEP_OPERATIONS: lines(operations),
      FOLDER_DAYS: `${operationFolderDays}`,
    },
    secrets: {},
    files: [],
    parse: (result) => ({ imageIds: result.split('\n').flatMap((line) => line.split(' ')[1] ?? []) }),
  }
}
