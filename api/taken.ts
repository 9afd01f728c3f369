import { DrizzleQueryError } from 'drizzle-orm'
import postgres from 'postgres'
import { Problem } from './problem.ts'

const uniqueViolation = '23505'

/** What a unique index of the database means to the caller: field and message. */
const meanings: Readonly<Record<string, readonly [field: string, message: string]>> = {
  users_email: ['email', 'another user has this address already: use another'],
  memberships_organisation_id_user_id_pk: ['userId', 'this user is a member already'],
  invitations_open: ['email', 'this address is invited already: revoke that invitation to make a new one'],
  organisations_name: ['name', 'an organisation with this name exists already: choose another'],
  servers_name: ['name', 'a server with this name exists already: choose another'],
  servers_address: ['address', 'a server with this address and port exists already'],
  servers_private_address_unique: ['privateAddress', 'a server of this private network has this address already'],
  registries_name: ['name', 'a registry with this name exists already: choose another'],
  providers_name: ['name', 'a provider with this name exists already: choose another'],
  applications_name: ['name', 'an application with this name exists already: choose another'],
  environments_name: ['name', 'the application has an environment with this name already: choose another'],
  services_name_in_environment: ['name', 'the environment has a service with this name already: choose another'],
  services_name_standalone: ['name', 'a service with this name exists already: choose another'],
  services_one_gateway: ['serverId', 'this server has a gateway already, and there is exactly one per server: use it'],
  service_slices_name: ['name', 'the service has a slice with this name already: choose another, or give its id as sliceId'],
  environment_attachments_slice: ['sliceId', 'this slice is attached in this role already'],
  environment_attachments_primary: ['isPrimary', 'the environment has a primary attachment of this role already'],
}

/** A unique index refused a row: 409 naming the field. Null for every other error. */
export function takenProblem(error: unknown): Problem | null {
  const cause = error instanceof DrizzleQueryError ? error.cause : error
  if (!(cause instanceof postgres.PostgresError) || cause.code !== uniqueViolation) return null
  const [field, message] = meanings[cause.constraint_name ?? ''] ?? []
  if (!field || !message) return null
  return new Problem(409, 'already_taken', `${field}: ${message}`, { errors: [{ field, message }] })
}
