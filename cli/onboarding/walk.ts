import type { Onboarding, OnboardingRequest, OnboardingStep } from '../client.ts'
import type { CliContext } from '../context.ts'
import { CliError, exitCodes } from '../errors.ts'
import type { OrganisationSession } from '../session.ts'
import { make } from './made.ts'
import type { Person } from './person.ts'
import { isSecretField } from './request.ts'

interface Walk {
  read(): Promise<Onboarding>
  person: Person
}

/** Goes from step to step with a person, in their order, until nothing is left that he wants; the answer is how far it is then. */
export async function walk(context: CliContext, session: OrganisationSession, { read, person }: Walk): Promise<Onboarding> {
  const skipped = new Set<string>()
  for (;;) {
    const onboarding = await read()
    const step = onboarding.steps.find(({ name, requests }) => requests.length > 0 && !skipped.has(name))
    if (!step) return onboarding
    const request = await chosen(person, step)
    if (!request) {
      skipped.add(step.name)
      if (!step.isOptional) return onboarding
      continue
    }
    await attempt(person, async () => make(context, session, { onboarding, request, body: { ...request.body, ...(await answers(person, request)) } }))
  }
}

/** Null: he wants none of them now. */
async function chosen(person: Person, { name, message, isOptional, requests }: OnboardingStep): Promise<OnboardingRequest | null> {
  person.tell(message)
  const leave = isOptional ? 'Leave it out' : 'Stop here, and go on another time'
  const number = await person.choose(name.replaceAll('_', ' '), [...requests.map(told), leave])
  return requests[number] ?? null
}

/** What a request does, as a person says it. */
function told({ path, body }: OnboardingRequest): string {
  if (path.endsWith('/verify')) return 'The key is there: have it verified'
  if (path.endsWith('/provision')) return 'Try again'
  const what = path.split('/').at(-1)?.replace(/s$/, '').replaceAll('-', ' ') ?? path
  const name = [body.role, body.driver].find((word) => typeof word === 'string')
  if (path.includes('/providers/')) return 'Buy one'
  return [what, ...(name === undefined ? [] : [`(${String(name)})`])].join(' ')
}

async function answers(person: Person, { body, yours }: OnboardingRequest): Promise<Record<string, unknown>> {
  const given: Record<string, unknown> = {}
  for (const field of yours) given[field] = field === 'firstLogin' ? await firstLogin(person) : await answer(person, field, body[field])
  return given
}

async function answer(person: Person, field: string, example: unknown): Promise<unknown> {
  if (isSecretField(field)) return person.secret(field)
  const text = await person.text(field, typeof example === 'string' ? example : JSON.stringify(example))
  return typeof example === 'string' ? text : JSON.parse(text)
}

async function firstLogin(person: Person): Promise<object> {
  const isByKey = (await person.choose('How may Keystone log in as root the first time?', ['With a private key, from a file', 'With a password'])) === 0
  return isByKey ? { privateKey: await person.file('Private key', '~/.ssh/id_ed25519') } : { password: await person.secret('Password of root') }
}

/** What is refused is told with its fields, and asked for anew; an operation that failed shows in the step. */
async function attempt(person: Person, act: () => Promise<void>): Promise<void> {
  try {
    await act()
  } catch (error) {
    const isToBeTold = error instanceof CliError && error.exitCode !== exitCodes.interrupted && error.exitCode !== exitCodes.unreachable
    if (!isToBeTold) throw error
    person.complain(error.message)
  }
}
