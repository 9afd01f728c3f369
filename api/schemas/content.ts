import { z } from '@hono/zod-openapi'
import type { Page } from '../../db/page.ts'

/** A JSON answer. */
export const json = <Schema extends z.ZodType>(description: string, schema: Schema) => ({
  description,
  content: { 'application/json': { schema } },
})

/** A JSON body. Build it from `z.strictObject`: unknown fields are refused, since they are mostly misspelt ones. */
export const body = <Schema extends z.ZodType>(schema: Schema) => ({
  required: true,
  content: { 'application/json': { schema } },
})

/** One that may be left out; then it is an empty object. */
export const optionalBody = <Schema extends z.ZodType>(schema: Schema) => ({ ...body(schema), required: false as const })

/** Query of a list: where it goes on and how much of it. */
export const pageQuery = z.strictObject({
  cursor: z.uuid('must be the nextCursor of the page before').optional(),
  limit: z.coerce
    .number('must be a number')
    .int('must be a whole number')
    .min(1, 'must be at least 1')
    .max(100, 'must be at most 100')
    .default(50),
})

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.uuid().nullable().openapi({ description: 'Null on the last page.' }) })

/** Headers of a request that is to have one effect however often it is sent. */
export const onceHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, 'must be 1 to 255 visible ASCII characters')
    .optional()
    .openapi({ description: 'Sent again with the same body, the request answers as before and does nothing.' }),
})

/** The items of a page as people see them. */
export const presented = <Row, Item>({ items, nextCursor }: Page<Row>, present: (row: Row) => Item): Page<Item> => ({
  items: items.map(present),
  nextCursor,
})

/** What is left of something that was deleted at once. */
export const deletedSchema = z.object({ id: z.uuid() })
