import type { ServiceStep } from './contract-step.ts'
import { containersScript, textBeside } from './scripts.ts'

const script = containersScript + textBeside(import.meta.url, 'restart.sh')

/** Long enough for a database to go over what it had not written. */
const timeoutSeconds = 300

/** Ends the process of a container and starts it again, as it is: for services of which only one can run at a time. */
export function restartContainer({ containerName, graceSeconds }: { containerName: string; graceSeconds: number }): ServiceStep<void> {
  return {
    name: 'restart container',
    script,
    inputs: { CONTAINER: containerName, GRACE_SECONDS: `${graceSeconds}`, TIMEOUT_SECONDS: `${timeoutSeconds}` },
    ...{ secrets: {}, files: [], parse: () => {} },
  }
}
