import { z } from '@hono/zod-openapi'
import type { ReleaseView } from '../../db/release-history.ts'
import { rolloutKinds } from '../../domain/operations.ts'
import { releaseStatuses, rollbackRefusal } from '../../domain/releases.ts'
import { moment, releaseIdSchema } from './fields.ts'
import { triggerSchema } from './operation.ts'

const refusalSchema = z.object({ code: z.string(), message: z.string(), hint: z.string().optional() })

export const releaseSchema = z
  .object({
    id: z.uuid(),
    environmentId: z.uuid(),
    number: z.int().openapi({ description: 'Counts from 1; a rollback and a configuration change are new releases too.' }),
    kind: z.enum(rolloutKinds).openapi({ description: 'How it came to be. A configuration change has the image of the release that was live then.' }),
    status: z.enum(releaseStatuses).openapi({
      description:
        'preparing: its image is made or looked for. in_progress: it is rolled out. successful: it is live. failed: its ' +
        'operation failed or was cancelled. obsolete: a later one replaced it. downgraded: a rollback to an older one took it back.',
    }),
    commit: z.string().nullable().openapi({ description: 'Null where its image was built elsewhere and does not say.' }),
    image: z.string().nullable().openapi({ description: 'Under which digest a registry has its image; null where none has, or it is not known yet.' }),
    operationId: z.uuid(),
    rolledBackToId: z.uuid().nullable().openapi({ description: 'The release that this one, a rollback, brought back.' }),
    variableVersions: z
      .record(z.string(), z.int())
      .openapi({ description: 'The user variables that it pins, and which value of each.' }),
    rollbackRefusal: refusalSchema.nullable().openapi({ description: 'Why nobody can go back to it; null where one can.' }),
    trigger: triggerSchema,
    createdAt: moment,
    updatedAt: moment,
  })
  .openapi('Release')

export const newRollbackSchema = z
  .strictObject({
    releaseId: releaseIdSchema.optional().openapi({ description: 'Left out: the release before the live one.' }),
  })
  .openapi('NewRollback')

export function presentRelease(release: ReleaseView): z.infer<typeof releaseSchema> {
  const { id, environmentId, number, kind, status, commitSha, operationId, rolledBackToId, variableVersions, trigger } = release
  return {
    ...{ id, environmentId, number, kind, status, commit: commitSha, image: release.image, operationId, rolledBackToId, variableVersions, trigger },
    rollbackRefusal: rollbackRefusal(release),
    createdAt: release.createdAt.toISOString(),
    updatedAt: release.updatedAt.toISOString(),
  }
}
