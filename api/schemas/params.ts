import { z } from '@hono/zod-openapi'
import {
  applicationIdSchema,
  attachmentIdSchema,
  environmentIdSchema,
  gitHostKeyIdSchema,
  invitationIdSchema,
  operationIdSchema,
  organisationIdSchema,
  providerIdSchema,
  registryIdSchema,
  releaseIdSchema,
  serverIdSchema,
  serviceIdSchema,
  sliceIdSchema,
  tokenIdSchema,
  userIdSchema,
  volumeIdSchema,
} from './fields.ts'

/** Parameters of paths; everything lies below its organisation. */
export const inOrganisation = z.object({ organisationId: organisationIdSchema })
export const oneServer = inOrganisation.extend({ serverId: serverIdSchema })
export const oneRegistry = inOrganisation.extend({ registryId: registryIdSchema })
export const oneProvider = inOrganisation.extend({ providerId: providerIdSchema })
export const oneApplication = inOrganisation.extend({ applicationId: applicationIdSchema })
export const oneEnvironment = inOrganisation.extend({ environmentId: environmentIdSchema })
export const oneRelease = oneEnvironment.extend({ releaseId: releaseIdSchema })
export const oneRoute = oneEnvironment.extend({ routeId: sliceIdSchema })
export const oneService = inOrganisation.extend({ serviceId: serviceIdSchema })
export const oneSlice = oneService.extend({ sliceId: sliceIdSchema })
export const oneAttachment = oneEnvironment.extend({ attachmentId: attachmentIdSchema })
export const oneVolume = inOrganisation.extend({ volumeId: volumeIdSchema })
export const oneMember = inOrganisation.extend({ userId: userIdSchema })
export const oneInvitation = inOrganisation.extend({ invitationId: invitationIdSchema })
export const oneToken = inOrganisation.extend({ tokenId: tokenIdSchema })
export const oneOwnToken = z.object({ tokenId: tokenIdSchema })
export const oneGitHostKey = inOrganisation.extend({ gitHostKeyId: gitHostKeyIdSchema })
export const oneOperation = inOrganisation.extend({ operationId: operationIdSchema })
