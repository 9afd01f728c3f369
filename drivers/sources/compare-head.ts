import type { Secret } from '../../domain/secret.ts'
import type { ServiceStep } from '../services/contract-step.ts'
import { lines, textBeside } from '../services/scripts.ts'

/** What every script that reads a repository begins with. */
export const repositoryScript = textBeside(import.meta.url, 'repository.sh')
const script = repositoryScript + textBeside(import.meta.url, 'compare-head.sh')

/** The head of a branch, and the commits to compare it with. */
export interface HeadToCompare {
  repositoryUrl: string
  deployKey: Secret
  /** The text of a known_hosts file. */
  knownHosts: string
  head: string
  since: readonly string[]
  /** Files and folders of the repository; `.` is all of it. */
  paths: readonly string[]
}

/** Whether something in the paths differs from one of the commits, and the message of the head. */
export interface ComparedHead {
  isDifferent: boolean
  message: string
}

/** Compares commits on a server, by what git tells of them; nothing of it stays there. */
export function compareHead({ repositoryUrl, deployKey, knownHosts, head, since, paths }: HeadToCompare): ServiceStep<ComparedHead> {
  return {
    name: 'compare head',
    script,
    inputs: { REPOSITORY_URL: repositoryUrl, KNOWN_HOSTS: knownHosts, HEAD_COMMIT: head, SINCE: lines(since), PATHS: lines(paths) },
    secrets: { 'deploy-key': deployKey },
    files: [],
    parse(result) {
      const [verdict, ...message] = result.split('\n')
      if (verdict !== 'same' && verdict !== 'different') throw new Error('the comparison does not say what it came to')
      return { isDifferent: verdict === 'different', message: message.join('\n') }
    },
  }
}
