import { z } from '@hono/zod-openapi'

/** Query of a removal. */
export const removalQuery = z.strictObject({
  force: z.enum(['true', 'false'], 'must be true or false').default('false').openapi({
    description:
      'Goes on without servers that do not answer: asked for a minute, they count as gone. A warning of the operation names what may still run there.',
  }),
})
