import { z } from '@hono/zod-openapi'
import type { Organisation } from '../../db/access.ts'
import { line, moment } from './fields.ts'

export const newOrganisationSchema = z.strictObject({ name: line(100) }).openapi('NewOrganisation')

export const organisationChangeSchema = z.strictObject({ name: line(100).optional() }).openapi('OrganisationChange')

export const organisationSchema = z.object({ id: z.uuid(), name: z.string(), createdAt: moment }).openapi('Organisation')

export const presentOrganisation = ({ id, name, createdAt }: Organisation): z.infer<typeof organisationSchema> => ({
  id,
  name,
  createdAt: createdAt.toISOString(),
})
