import type { ApplicationId, EnvironmentId, ProviderId, RegistryId, ServerId, ServiceId } from './ids.ts'
import type { DriverName } from './services.ts'
import type { ReadyRequest } from './warnings.ts'

/** The steps of the specification in its order, and the deployment that they lead to. */
export const onboardingSteps = [
  'organisation',
  'provider',
  'repository',
  'deploy_key',
  'registry',
  'server',
  'environment',
  'attachments',
  'deployment',
] as const
export type OnboardingStepName = (typeof onboardingSteps)[number]

export const onboardingStates = ['done', 'ready', 'in_progress', 'blocked'] as const

/** A request that would be accepted as it is; of the fields in `yours` only the user knows what they really are. */
export interface OnboardingRequest extends ReadyRequest {
  yours: string[]
}

export interface OnboardingStep {
  name: OnboardingStepName
  state: (typeof onboardingStates)[number]
  /** It may be left out. */
  isOptional: boolean
  message: string
  /** The step that has to be done before. */
  blockedBy: OnboardingStepName | null
  /** What can be asked for now, the advisable first. */
  requests: OnboardingRequest[]
}

export interface OnboardingFacts {
  /** Of the organisation in the API, `/organisations/…`. */
  path: string
  providers: readonly { id: ProviderId }[]
  /** Those that are not being removed, the oldest first; so are all lists. */
  servers: readonly { id: ServerId; name: string; status: 'new' | 'provisioning' | 'active' | 'failed' | 'unreachable' }[]
  registries: readonly { id: RegistryId; name: string; takesBuilds: boolean }[]
  /** Standalone ones. */
  services: readonly { id: ServiceId; name: string; driverName: DriverName; serverIds: readonly ServerId[] }[]
  application: ApplicationFacts | null
  environment: EnvironmentFacts | null
}

export interface ApplicationFacts {
  id: ApplicationId
  name: string
  deployKeyPublic: string
  isKeyInstalled: boolean
  /** Where its repository is, and whether it is known by which key that host proves itself. */
  gitHost: { host: string; port: number; isKnown: boolean }
}

export interface EnvironmentFacts {
  id: EnvironmentId
  name: string
  serverIds: readonly ServerId[]
  /** Null where it was removed. */
  webServiceId: ServiceId | null
  registryId: RegistryId | null
  /** An image that was built elsewhere is deployed; `named` where it says which. */
  image: 'built' | 'named' | 'unnamed'
  hasBuilder: boolean
  isDeployed: boolean
  /** A deployment of it waits or runs. */
  isDeploying: boolean
  /** Roles of what is attached. */
  attached: readonly string[]
}

type Parts = Partial<Pick<OnboardingStep, 'isOptional' | 'blockedBy' | 'requests'>>

/** A step that is needed, and has nothing to be asked for, unless said otherwise. */
export const step = (name: OnboardingStepName, state: OnboardingStep['state'], message: string, parts: Parts = {}): OnboardingStep => ({
  ...{ name, state, message, isOptional: false, blockedBy: null, requests: [] },
  ...parts,
})

export const post = (path: string, body: ReadyRequest['body'] = {}, yours: string[] = []): OnboardingRequest => ({ method: 'POST', path, body, yours })
export const patch = (path: string, body: ReadyRequest['body']): OnboardingRequest => ({ method: 'PATCH', path, body, yours: [] })

/** A name that none of these has. */
export function freeName(name: string, taken: readonly { name: string }[], number = 1): string {
  const tried = number === 1 ? name : `${name}-${number}`
  return taken.some((other) => other.name === tried) ? freeName(name, taken, number + 1) : tried
}
