import { z } from 'zod'
import { platforms } from '../../../domain/images.ts'
import type { ServiceStep } from '../contract-step.ts'
import { defineService } from '../define.ts'
import { lines, textBeside } from '../scripts.ts'

const checkScript = textBeside(import.meta.url, 'check.sh')

const configSchema = z.object({
  /** How many images are built at once; further builds wait for their turn. */
  slots: z.int().min(1).max(32).default(1),
  /** What images are built for, on servers of either kind; what the builder's own is not is emulated, and slow. Null: its own alone. */
  platforms: z.array(z.enum(platforms)).min(1).nullable().default(null),
})
type Config = z.infer<typeof configSchema>

const check = (config: Config): ServiceStep<void> => ({
  ...{ name: 'check builder', script: checkScript, inputs: { PLATFORMS: lines(config.platforms ?? []) } },
  ...{ secrets: {}, files: [], parse: () => {} },
})

const noContainers = (): never => {
  throw new Error('a builder runs no containers of its own')
}

/**
 * A server's BuildKit, the one that its Docker has: it builds the images of environments that run elsewhere. For other platforms than its
 * own it runs their programs through QEMU (Docker's documentation, "Multi-platform builds").
 */
export const buildkit = defineService({
  name: 'buildkit',
  category: 'builder',
  label: 'BuildKit',
  versionTrack: 'docker',
  defaultDeployPolicy: 'manual',
  defaultProcessRoles: [],
  configSchema,
  resourceDefaults: { cpuLimit: null, memoryLimitMb: null },
  update: { downtime: false, dataRisk: false, backup: false },
  stateful: false,
  generateAdmin: () => ({}),
  slices: null,
  build: null,
  configured: (config: Config) => ({
    image: { from: 'none' },
    ports: () => [],
    volumes: () => [],
    remains: () => ({ folders: [], networks: [] }),
    stopGraceSeconds: () => 0,
    startReplica: noContainers,
    stopReplica: noContainers,
    application: null,
    gateway: null,
    builder: { slots: config.slots, platforms: config.platforms, check: () => check(config) },
  }),
})
