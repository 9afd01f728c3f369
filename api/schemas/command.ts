import { z } from '@hono/zod-openapi'
import { serviceIdSchema } from './fields.ts'

/** What else runs in a container of its own may be as long: the rest belongs into a script. */
const longestCommand = 4096

const text = z.string().max(longestCommand, `must have at most ${longestCommand} characters`)

const commandLine = text.refine((line) => line.trim() !== '', 'must not be empty').openapi({ example: 'php artisan about' })

const words = z
  .array(text)
  .min(1, 'must have at least one word')
  .refine((all) => all.join(' ').length <= longestCommand, `must have at most ${longestCommand} characters in all`)
  .refine(([program]) => program !== '', 'must begin with the name of a program')

export const newCommandSchema = z
  .strictObject({
    command: z.union([commandLine, words], 'must be a command line, or a list of words').openapi({
      description: 'A command line for the shell of the container, or a list of words, which no shell looks at. Who may see operations sees it: no secrets.',
    }),
    serviceId: serviceIdSchema.optional().openapi({ description: 'Whose variables and volumes it has: a service of the environment. Left out: that for the web.' }),
  })
  .openapi('NewCommand')
