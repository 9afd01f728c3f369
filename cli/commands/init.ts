import { buildCommand } from '@stricli/core'
import type { Onboarding } from '../client.ts'
import { type CliContext, type OrganisationFlags, organisationFlags } from '../context.ts'
import { environmentParam } from '../environments.ts'
import { CliError, exitCodes } from '../errors.ts'
import { make } from '../onboarding/made.ts'
import { createPerson } from '../onboarding/person.ts'
import { filledBody, givenFields } from '../onboarding/request.ts'
import { walk } from '../onboarding/walk.ts'
import { inOrganisation, type OrganisationSession } from '../session.ts'
import { nextText, onboardingText } from '../view/onboarding.ts'

interface InitFlags extends OrganisationFlags {
  env?: string
  choose: number
}

const wholeNumber = (text: string): number => {
  if (!/^[1-9]\d?$/.test(text)) throw new SyntaxError(`${text} is no number from 1 on`)
  return Number(text)
}

export const init = buildCommand({
  docs: {
    brief: 'From nothing to an application that runs, step by step',
    fullDescription:
      'At a terminal it asks what only you know, and can be left and taken up at any time. Elsewhere it shows how far it is and the command that ' +
      'does the next step: keystone init STEP field=value. Exit code 0 says that all is done that is needed, 6 that it is not.',
  },
  parameters: {
    flags: {
      ...organisationFlags,
      env: { kind: 'parsed', parse: String, optional: true, brief: 'This environment, instead of that which is furthest along', placeholder: 'env' },
      choose: { kind: 'parsed', parse: wholeNumber, default: '1', brief: 'Which request of the step, where it has several', placeholder: 'number' },
    },
    positional: { kind: 'array', parameter: { brief: 'A step, and what only you know of it', placeholder: 'step field=value', parse: String } },
  },
  async func(this: CliContext, { env, choose, ...flags }: InitFlags, ...positionals: string[]) {
    const [step, ...words] = positionals
    const session = await inOrganisation(this, flags)
    const environmentId = env === undefined ? undefined : (await environmentParam(session, env)).environmentId
    const read = () => session.ask(session.client.onboarding.$get({ param: session.param, query: { environmentId } }))
    if (step !== undefined) return doStep(this, session, { onboarding: await read(), step, words, choose })
    const isAttended = this.terminal.isAttended && !flags.json
    const onboarding = isAttended ? await walk(this, session, { read, person: createPerson() }) : await read()
    session.show(onboarding, (body) => `${onboardingText(body, this.terminal.paint)}${nextText(body)}`)
    if (!onboarding.isComplete) this.process.exitCode = exitCodes.unfinished
  },
})

interface Doing {
  onboarding: Onboarding
  step: string
  words: readonly string[]
  choose: number
}

async function doStep(context: CliContext, session: OrganisationSession, { onboarding, step, words, choose }: Doing): Promise<void> {
  const found = onboarding.steps.find(({ name }) => name === step.replaceAll('-', '_'))
  if (!found) throw new CliError(exitCodes.usage, `There is no step ${step}. There are: ${onboarding.steps.map(({ name }) => name).join(', ')}`)
  const request = found.requests[choose - 1]
  if (!request) throw new CliError(found.state === 'done' ? exitCodes.usage : exitCodes.unfinished, `${found.name} is ${found.state.replaceAll('_', ' ')}: ${found.message}`)
  const body = filledBody(request, await givenFields(words, () => context.terminal.input()))
  await make(context, session, { onboarding, request, body })
}
