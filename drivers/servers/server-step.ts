import type { ServiceStep, StepExplanation } from '../services/contract-step.ts'
import { textBeside } from '../services/scripts.ts'

const preamble = textBeside(import.meta.url, 'preamble.sh')

/** How long others may use apt: a new server installs its own updates first, and a release of them takes its time. */
const aptSeconds = 900
/** What has to be left where packages are put. */
const roomMb = 1024

/** What a user can do about what `give_up` says. */
const hints: Readonly<Record<string, string>> = {
  apt_busy: 'Look what holds it, let it finish or stop it, then start the operation again.',
  containers_not_back: 'Look at its log, and at the disk and memory of the server; deploy its service again where it does not come back by itself.',
  cloud_init_failed: 'Mend what it was told, or install the server anew; then provision it again.',
  disk_full: 'Make room on the disk, then start the operation again.',
  packages_failed: "Check that the server reaches its distribution's packages, then start the operation again. The log of the step has what apt says.",
  reboot_refused: 'Look what holds its shutdown up, with systemd-inhibit and journalctl on the server. Everything runs as before.',
  repository_key_changed: 'Do not go on before you know why: packages are trusted by this key.',
  ssh_not_closed: 'What was changed has been taken back. Mend the configuration of sshd, then start the operation again.',
  system_unsupported: 'Install a supported system on the server, then provision it again.',
}

/** A step that makes something of a server ready, or brings it to today's rules. Run as root; a repetition changes nothing. */
export function serverStep(name: string, script: string, inputs: Record<string, string> = {}): ServiceStep<void> {
  return {
    name,
    script: `${preamble}\n${script}`,
    inputs: { APT_SECONDS: `${aptSeconds}`, ROOM_MB: `${roomMb}`, ...inputs },
    secrets: {},
    files: [],
    explain: explained,
    parse: () => {},
  }
}

/** What `give_up` has reported: a code and a sentence, a line each. */
export function explained(result: string): StepExplanation | null {
  const [code = '', message = ''] = result.split('\n')
  const hint = hints[code]
  return hint ? { code, message, hint } : null
}
