import { z } from '@hono/zod-openapi'
import { serverIdSchema } from './fields.ts'

const acknowledged = (what: string) => z.boolean().default(false).openapi({ description: `Has to be true where the service's \`updateBehaviour\` has ${what}.` })

export const newUpdateSchema = z
  .strictObject({
    acknowledgeDowntime: acknowledged('`downtime`: nobody reaches the service while its container is replaced'),
    acknowledgeDataRisk: acknowledged('`dataRisk`: the new version works on the only copy of the data'),
    image: z.string().optional().openapi({ description: 'The `availableImageDigest` that was looked at: refused when there is a newer one by now.' }),
    backup: z.boolean().optional().openapi({ description: "Only where the service's `updateBehaviour` has `backup`." }),
    versionTrack: z.string().optional().openapi({ description: 'No other one than it has: its data is not for another major version.' }),
    serverId: serverIdSchema.optional().openapi({ description: 'No other one than it has: its data stays where it is.' }),
  })
  .openapi('NewServiceUpdate')
