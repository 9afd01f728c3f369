import type { ServiceStep } from '../services/contract-step.ts'
import { containersScript, lines, textBeside } from '../services/scripts.ts'
import { explained, serverStep } from './server-step.ts'

const rebootScript = textBeside(import.meta.url, 'reboot.sh')
const resumeScript = containersScript + textBeside(import.meta.url, 'resume.sh')

/** systemd ends what does not end by itself after 90 s; twice that, and the server does not want to. */
const shutdownSeconds = 180
/** Until systemd has started all that it starts. */
const bootSeconds = 300
/** Long enough for a database to go over what it had not written. */
const healthySeconds = 300

/**
 * Restarts the server once for the operation of this hash, and returns when it has booted: until then the step vanishes, and is to be
 * asked for again. Run as root. Fails as `reboot_refused`, with everything running as before.
 */
export const rebootServer = (operationHash: string): ServiceStep<void> =>
  serverStep('reboot', rebootScript, {
    ...{ REBOOT: operationHash, BOOT_ID_FILE: '/proc/sys/kernel/random/boot_id' },
    ...{ SHUTDOWN_SECONDS: `${shutdownSeconds}`, BOOT_SECONDS: `${bootSeconds}` },
  })

/** Waits until these containers run as before the reboot. Fails as `containers_not_back`. */
export const resumeContainers = (containers: readonly string[]): ServiceStep<void> => ({
  name: 'resume containers',
  script: resumeScript,
  inputs: { CONTAINERS: lines(containers), TIMEOUT_SECONDS: `${healthySeconds}` },
  ...{ secrets: {}, files: [] },
  explain: explained,
  parse: () => {},
})
