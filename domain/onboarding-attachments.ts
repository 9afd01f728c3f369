import type { ServerId } from './ids.ts'
import { type EnvironmentFacts, freeName, type OnboardingFacts, type OnboardingRequest, type OnboardingStep, post, step } from './onboarding-step.ts'
import type { DriverName } from './services.ts'

/** What an environment mostly has beside itself, by the driver of the service that gives it. */
const offers = [
  { driver: 'postgres', role: 'database', name: 'database' },
  { driver: 'valkey', role: 'cache', name: 'cache' },
  { driver: 'caddy', role: 'gateway', name: 'gateway' },
] as const satisfies readonly { driver: DriverName; role: string; name: string }[]

/** Optional: a database, a cache, and a domain at a gateway. */
export function attachments(facts: OnboardingFacts): OnboardingStep {
  const { environment: target } = facts
  const [serverId] = target?.serverIds ?? []
  if (!target || !serverId) return step('attachments', 'blocked', 'There is no environment to which anything could be attached.', { isOptional: true, blockedBy: 'environment' })
  const missing = offers.filter(({ role }) => !target.attached.includes(role))
  if (missing.length === 0) return step('attachments', 'done', `${target.name} has a database, a cache and a domain.`, { isOptional: true })
  const requests = missing.map((offer) => attaching(facts, { ...offer, target, serverId }))
  return step('attachments', 'ready', `${target.name} can have a ${missing.map(({ role }) => role).join(', a ')}.`, { isOptional: true, requests })
}

/** By what the environment's own servers have already; else that is made first. */
function attaching({ path, services }: OnboardingFacts, wish: (typeof offers)[number] & { target: EnvironmentFacts; serverId: ServerId }): OnboardingRequest {
  const { driver, role, name, target, serverId } = wish
  const there = services.find(({ driverName, serverIds }) => driverName === driver && serverIds.some((id) => target.serverIds.includes(id)))
  if (!there) return post(`${path}/services`, { driver, name: freeName(name, services), serverId })
  const own = `${path}/environments/${target.id}`
  if (role === 'gateway') return post(`${own}/routes`, { domain: 'shop.example.com', gatewayServiceId: there.id }, ['domain'])
  return post(`${own}/attachments`, { serviceId: there.id, role })
}
