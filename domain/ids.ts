/** Ids carry a brand, so that an EnvironmentId cannot be passed where a ServerId is meant. All are uuids (v7, time-ordered). */
type Id<Name extends string> = string & { readonly __id: Name }

export type OrganisationId = Id<'organisation'>
export type UserId = Id<'user'>
export type TokenId = Id<'token'>
export type InvitationId = Id<'invitation'>
export type ApplicationId = Id<'application'>
export type EnvironmentId = Id<'environment'>
export type ServerId = Id<'server'>
export type ServiceId = Id<'service'>
export type ReplicaId = Id<'replica'>
export type SliceId = Id<'slice'>
export type AttachmentId = Id<'attachment'>
export type OperationId = Id<'operation'>
export type ArtifactId = Id<'artifact'>
export type ReleaseId = Id<'release'>
export type RegistryId = Id<'registry'>
export type ProviderId = Id<'provider'>
export type VolumeId = Id<'volume'>
