import { attachments } from './onboarding-attachments.ts'
import { type OnboardingFacts, type OnboardingRequest, type OnboardingStep, type OnboardingStepName, post, step } from './onboarding-step.ts'
import { deployKey, environment, organisation, provider, registry, repository, server } from './onboarding-steps.ts'

/** How far an organisation is on its way to an application that runs (specification section 19), and what it takes next. */

/** Every step, in order. */
export function onboarding(facts: OnboardingFacts): OnboardingStep[] {
  const steps = [organisation(), provider(facts), repository(facts), deployKey(facts), registry(facts), server(facts), environment(facts), attachments(facts)]
  return [...steps, deployment(facts, steps)]
}

/** What should be asked for next, with its step: what is needed first, then what may be left out. Null: nothing, or wait. */
export function nextOf(steps: readonly OnboardingStep[]): { step: OnboardingStepName; request: OnboardingRequest } | null {
  const needed = steps.filter(({ isOptional }) => !isOptional)
  const isRunning = needed.some(({ state }) => state === 'in_progress')
  const ready = [...needed, ...(isRunning ? [] : steps.filter(({ isOptional }) => isOptional))].find(({ requests }) => requests.length > 0)
  const [request] = ready?.requests ?? []
  return ready && request ? { step: ready.name, request } : null
}

function deployment({ path, environment: target }: OnboardingFacts, before: readonly OnboardingStep[]): OnboardingStep {
  if (target?.isDeployed) return step('deployment', 'done', `${target.name} runs.`)
  if (target?.isDeploying) return step('deployment', 'in_progress', `${target.name} is being deployed.`)
  // A server that is being made ready is waited for by the deployment itself.
  const missing = before.find(({ isOptional, state }) => !isOptional && (state === 'ready' || state === 'blocked'))
  if (missing || !target) return step('deployment', 'blocked', missing?.message ?? 'There is no environment.', { blockedBy: missing?.name ?? 'environment' })
  const image = target.image === 'unnamed' ? { image: 'ghcr.io/team/shop:1.0' } : {}
  return step('deployment', 'ready', `Deploy ${target.name}.`, { requests: [post(`${path}/environments/${target.id}/deployments`, image, Object.keys(image))] })
}

/** What decides which environment is looked at where there are several. */
export interface Progress {
  isDeployed: boolean
  isKeyInstalled: boolean
  hasServers: boolean
  attached: number
}

/** The one that is furthest along, the first of several that are. */
export function furthest<Item extends Progress>(all: readonly Item[]): Item | undefined {
  const score = ({ isDeployed, isKeyInstalled, hasServers, attached }: Progress) =>
    [isDeployed, isKeyInstalled, hasServers].reduce((sum, is) => sum * 2 + Number(is), 0) * 1000 + Math.min(attached, 999)
  return all.reduce<Item | undefined>((best, item) => (best === undefined || score(item) > score(best) ? item : best), undefined)
}
