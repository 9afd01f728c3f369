import type { Onboarding } from '../client.ts'
import { initCommand } from '../onboarding/request.ts'
import type { Colour, Paint } from '../terminal.ts'

const marks: Record<Onboarding['steps'][number]['state'], [mark: string, colour: Colour]> = {
  done: ['✔', 'green'],
  ready: ['○', 'cyan'],
  in_progress: ['●', 'yellow'],
  blocked: ['·', 'dim'],
}

/** How far it is, a line for each step. */
export function onboardingText({ steps }: Onboarding, paint: Paint): string {
  const width = Math.max(...steps.map(({ name }) => name.length))
  const lines = steps.map(({ name, state, isOptional, message }) => {
    const [mark, colour] = marks[state]
    const rest = isOptional && state !== 'done' ? paint('dim', ' (may be left out)') : ''
    return `${paint(colour, mark)} ${name.padEnd(width)}  ${message}${rest}`
  })
  return `${lines.join('\n')}\n`
}

/** The commands for what can be done now, what is needed first. */
export function nextText({ next, steps }: Onboarding): string {
  if (!next) return ''
  const others = steps.filter(({ name, requests }) => name !== next.step && requests.length > 0)
  const optional = others.flatMap(({ name, requests: [request] }) => (request ? [`  ${initCommand(name, request)}`] : []))
  return [`\nNext: ${initCommand(next.step, next.request)}`, ...(optional.length > 0 ? ['Or:', ...optional] : []), ''].join('\n')
}
