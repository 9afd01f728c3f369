import type { Failure } from './operations.ts'

/** What a person wants to have run, as it is stored in `operations.input`. */
export interface AskedCommand {
  /** A command line for the container's shell, or the words of one command, which no shell looks at. */
  command: string | readonly string[]
  /** One of the environment's own; the service for the web where it is left out. */
  serviceId?: string
}

const longestLabel = 60

/** A command as people read it in a list. */
export function commandLabel(command: AskedCommand['command']): string {
  const text = (typeof command === 'string' ? command : command.join(' ')).replaceAll(/[\s\p{Cc}]+/gu, ' ').trim()
  const characters = Array.from(text)
  return characters.length > longestLabel ? `${characters.slice(0, longestLabel).join('')}…` : text
}

/** Why no command can be run in an environment, and what to do instead; null where one can. */
export function commandRefusal({ environment, isDeployed }: { environment: string; isDeployed: boolean }): Failure | null {
  if (isDeployed) return null
  const message = `${environment} has no release yet, so there is no image in which a command could run.`
  return { code: 'not_deployed', message, hint: 'Deploy it first.' }
}

/** The live release has no container beside which a command could run. */
export const nothingRuns = (service: string): Failure => ({
  code: 'service_not_running',
  message: `No replica of ${service} runs the live release.`,
  hint: `Start ${service}, or deploy the environment, and try again then.`,
})
