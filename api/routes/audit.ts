import { createRoute, z } from '@hono/zod-openapi'
import { auditBatches, auditPage } from '../../db/audit-log.ts'
import { auditCsv, auditLines } from '../audit-export.ts'
import { requires } from '../authentication.ts'
import { type ApiDependencies, createRouter } from '../context.ts'
import { auditEventSchema, auditFilter, auditQuery, presentAuditEvent } from '../schemas/audit.ts'
import { json, pageOf, presented } from '../schemas/content.ts'
import { inOrganisation } from '../schemas/params.ts'
import { readProblems } from '../schemas/problem.ts'

const path = '/organisations/{organisationId}/audit-events'
const tags = ['Audit']
/** No literal types: Hono would want the output as one string. */
const csv: string = 'text/csv; charset=utf-8'
const jsonLines: string = 'application/jsonl'

const list = createRoute({
  method: 'get',
  path,
  tags,
  summary: 'Who changed what in the organisation, newest first',
  middleware: requires('admin'),
  request: { params: inOrganisation, query: auditQuery },
  responses: { 200: json('A page of events', pageOf(auditEventSchema)), ...readProblems },
})

const asCsv = createRoute({
  method: 'get',
  path: `${path}.csv`,
  tags,
  summary: 'The same, all of it, for a spreadsheet',
  middleware: requires('admin'),
  request: { params: inOrganisation, query: auditFilter },
  responses: { 200: { description: 'The events', content: { [csv]: { schema: z.string() } } }, ...readProblems },
})

const asLines = createRoute({
  method: 'get',
  path: `${path}.jsonl`,
  tags,
  summary: 'The same, all of it, one JSON object a line',
  middleware: requires('admin'),
  request: { params: inOrganisation, query: auditFilter },
  responses: { 200: { description: 'The events', content: { [jsonLines]: { schema: z.string() } } }, ...readProblems },
})

export function auditRoutes({ db }: ApiDependencies) {
  return createRouter()
    .openapi(list, async (c) => {
      const { cursor, limit, ...filter } = c.req.valid('query')
      const page = await auditPage(db, { organisationId: c.var.organisation.id }, filter, { cursor, limit })
      return c.json(presented(page, presentAuditEvent), 200)
    })

    .openapi(asCsv, (c) => {
      const events = auditBatches(db, { organisationId: c.var.organisation.id }, c.req.valid('query'))
      return c.body(ReadableStream.from(auditCsv(events)), 200, { 'content-type': csv, ...named('audit.csv') })
    })

    .openapi(asLines, (c) => {
      const events = auditBatches(db, { organisationId: c.var.organisation.id }, c.req.valid('query'))
      return c.body(ReadableStream.from(auditLines(events)), 200, { 'content-type': jsonLines, ...named('audit.jsonl') })
    })
}

const named = (file: string) => ({ 'content-disposition': `attachment; filename="${file}"` })
