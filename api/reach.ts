import type { Database } from '../db/connect.ts'
import { type Reach, whyUnreachable } from '../db/reach.ts'
import { Problem } from './problem.ts'

/** Throws a 422 where a server cannot reach another one; `field` of the request brings them together. */
export async function refuseUnreachable(db: Database, { field, ...reach }: Reach & { field: string }): Promise<void> {
  const message = await whyUnreachable(db, reach)
  if (message !== null) throw new Problem(422, 'service_unreachable', `${field}: ${message}`, { errors: [{ field, message }] })
}
