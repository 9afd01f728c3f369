import { z } from '@hono/zod-openapi'
import { branch, commit, image } from './fields.ts'

export const newDeploymentSchema = z
  .strictObject({
    branch: branch.optional().openapi({ description: "Left out: the environment's branch. Its head is deployed." }),
    commit: commit.optional().openapi({ description: 'This commit instead of the head of the branch.' }),
    image: image.optional().openapi({
      description: "For the build strategy external_registry: this image by tag or digest, instead of the environment's own.",
    }),
  })
  .openapi('NewDeployment')
