import { pgTable, text, uuid } from 'drizzle-orm/pg-core'
import type { OperationId, ServerId } from '../../domain/ids.ts'
import { oneOf, sealed, timestamps } from './columns.ts'
import { operations } from './operations.ts'
import { servers } from './servers.ts'
import { rotationStages } from './services.ts'

/** The other management key of a server while it gets another one: the next key until it is the server's, then the one before. */
export const serverKeyRotations = pgTable(
  'server_key_rotations',
  {
    serverId: uuid('server_id').$type<ServerId>().primaryKey().references(() => servers.id),
    operationId: uuid('operation_id').$type<OperationId>().notNull().references(() => operations.id),
    stage: text('stage', { enum: rotationStages }).notNull(),
    publicKey: text('public_key').notNull(),
    privateKey: sealed('private_key').notNull(),
    ...timestamps,
  },
  (t) => [oneOf('server_key_rotations_stage', t.stage, rotationStages)],
)
