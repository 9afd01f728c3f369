import { z } from 'zod'
import type { ServiceStep } from './contract-step.ts'
import { imageRemoveScript } from './image.ts'
import { containersScript, lines, textBeside } from './scripts.ts'

const cleanUpScript = [containersScript, textBeside(import.meta.url, 'clean-up.sh'), imageRemoveScript].join('\n')
const removeScript = textBeside(import.meta.url, 'volume-remove.sh')

/** What is to go from a server, since nothing of its owner runs there any more. */
export interface Remains {
  /** Absolute paths. */
  folders: readonly string[]
  networks: readonly string[]
  /** Images, `name@sha256:…`, that go unless something else uses them. */
  images: readonly string[]
  /** `name=value`, by which volumes are known as its own. */
  volumeLabel: string
}

const volumeReport = z.object({ name: z.string(), sizeBytes: z.int().nullable() })

/** A volume that stays on its server. */
export type VolumeFacts = z.infer<typeof volumeReport>

/** Removes what a service or an environment has left, but for its volumes: these are reported. */
export function cleanUp({ folders, networks, images, volumeLabel }: Remains): ServiceStep<readonly VolumeFacts[]> {
  return {
    name: 'clean up',
    script: cleanUpScript,
    inputs: { FOLDERS: lines(folders), NETWORKS: lines(networks), NAMES: lines(images), VOLUME_LABEL: volumeLabel },
    ...{ secrets: {}, files: [] },
    parse: (result) => result.split('\n').filter(Boolean).map((line) => volumeReport.parse(JSON.parse(line))),
  }
}

/** Deletes a volume and all that is in it. Fails where a container uses it. */
export function removeVolume(name: string): ServiceStep<void> {
  return { name: 'delete volume', script: removeScript, inputs: { VOLUME: name }, secrets: {}, files: [], parse: () => {} }
}
