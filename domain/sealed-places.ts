import type { SealedPlace } from './keyring.ts'

const place = (table: string, column: string) => (id: string): SealedPlace => ({ table, column, id })

/** Where a walk over all sealed values has come: behind this row of this column, which are counted. */
export interface SealedPosition {
  column: number
  after: string | null
}

/** Every sealed column: what is sealed for one place opens only there. */
export const sealedPlaces = {
  adoptionKey: place('servers', 'adoption_key_private'),
  adoptionPassword: place('servers', 'adoption_password'),
  managementKey: place('servers', 'management_key_private'),
  otherManagementKey: place('server_key_rotations', 'private_key'),
  deployKey: place('applications', 'deploy_key_private'),
  nextDeployKey: place('applications', 'next_deploy_key_private'),
  registryPassword: place('registries', 'password'),
  adminCredentials: place('services', 'admin_credentials'),
  sliceCredentials: place('service_slices', 'credentials'),
  rotationCredentials: place('credential_rotations', 'credentials'),
  variable: place('environment_variables', 'value'),
  buildSecret: place('build_secrets', 'value'),
  releaseVariables: place('releases', 'variables'),
  providerToken: place('providers', 'token'),
  givenHostKey: place('machines', 'given_host_key'),
  webhookSecret: place('applications', 'webhook_secret'),
  nextWebhookSecret: place('applications', 'next_webhook_secret'),
} as const
