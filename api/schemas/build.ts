import { z } from '@hono/zod-openapi'
import type { QueuedBuild } from '../../db/builds.ts'
import { turnOf } from '../../domain/builds.ts'
import { moment } from './fields.ts'

const buildSchema = z
  .object({
    operationId: z.uuid(),
    environmentId: z.uuid(),
    environment: z.string(),
    state: z.enum(['building', 'waiting']),
    ahead: z.int().openapi({ description: 'Builds that have to end before this one may begin.' }),
    since: moment,
  })
  .openapi('QueuedBuild')

export const buildQueueSchema = z
  .object({
    slots: z.int().openapi({ description: 'How many images are built at once.' }),
    items: z.array(buildSchema),
  })
  .openapi('BuildQueue')

/** `index`: how many came before it. */
export function presentBuild(build: QueuedBuild, { index, slots }: { index: number; slots: number }): z.infer<typeof buildSchema> {
  const { operationId, environmentId, environment, since } = build
  const { ahead } = turnOf(index, slots)
  return { operationId, environmentId, environment, state: ahead === 0 ? 'building' : 'waiting', ahead, since: since.toISOString() }
}
