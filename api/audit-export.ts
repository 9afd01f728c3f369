import { stringify } from 'csv-stringify/sync'
import type { AuditEvent } from '../db/audit-log.ts'
import { presentAuditEvent } from './schemas/audit.ts'

const columns = ['at', 'action', 'targetType', 'targetId', 'email', 'userId', 'tokenName', 'tokenId', 'details', 'id']

/** Audit events as CSV (RFC 4180) under a line of headings; what a spreadsheet would take for a formula is escaped. */
export async function* auditCsv(batches: AsyncIterable<AuditEvent[]>): AsyncGenerator<Uint8Array> {
  let header = true
  for await (const events of batches) {
    yield encoded(stringify(events.map(row), { header, columns, escape_formulas: true, record_delimiter: 'windows' }))
    header = false
  }
}

/** Audit events as the list has them, one JSON object a line. */
export async function* auditLines(batches: AsyncIterable<AuditEvent[]>): AsyncGenerator<Uint8Array> {
  for await (const events of batches) yield encoded(events.map((event) => `${JSON.stringify(presentAuditEvent(event))}\n`).join(''))
}

function row(event: AuditEvent) {
  const { actor, details, ...shown } = presentAuditEvent(event)
  return { ...shown, ...actor, details: JSON.stringify(details) }
}

const encoder = new TextEncoder()
const encoded = (text: string): Uint8Array => encoder.encode(text)
