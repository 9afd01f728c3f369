import { createStepLog } from '../../../activities/step-log.ts'
import { connect } from '../../../db/connect.ts'
import { operationById } from '../../../db/operations/begin.ts'
import { finishOperation } from '../../../db/operations/finish.ts'
import { createNotices } from '../../../db/operations/notices.ts'
import { endStep, startStep, storedPosition } from '../../../db/operations/steps.ts'
import { idOf } from '../../../db/ids.ts'
import type { OperationId } from '../../../domain/ids.ts'
import { createRedaction } from '../../../domain/redaction.ts'
import { printedOutput } from './output.ts'

/** As SSH brings it: no piece ends where a line does. */
const pieceBytes = 32 * 1024

/**
 * A process that does with a step's output what activities/remote-step.ts does: goes on from what is stored, masks, stores, tells
 * those who watch, and records the end. Arguments: address of the database, operation, lines that are printed in all.
 */
const [databaseUrl = '', operation = '', lines = ''] = process.argv.slice(2)
const { db, close } = connect(databaseUrl, 2)
const operationId = idOf<OperationId>(operation)
const { rootId } = await operationById(db, operationId)
const stepId = await startStep(db, { operationId, order: 1, name: 'build', serverId: null, user: 'keystone', script: '' })
const stored = await storedPosition(db, stepId)
const log = createStepLog(db, stepId, { redaction: createRedaction([]), stored })
const notices = createNotices(db)
const output = Buffer.from(printedOutput(Number(lines)))
for (let offset = stored?.out ?? 0; offset < output.length; offset += pieceBytes) {
  await log.take({ run: 1, stream: 'out', offset, bytes: output.subarray(offset, offset + pieceBytes) })
  notices(rootId)
}
await log.end()
await endStep(db, stepId, { status: 'succeeded', run: 1, exitCode: 0 })
await finishOperation(db, operationId, { status: 'succeeded', outcome: 'done' })
await close()
