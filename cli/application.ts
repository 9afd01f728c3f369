import { buildApplication, buildRouteMap, text_en } from '@stricli/core'
import { pull, push, set } from './commands/env.ts'
import { init } from './commands/init.ts'
import { apps, deployKey, envs, organisations, servers, services, useOrganisation } from './commands/lists.ts'
import { login, logout, whoami } from './commands/login.ts'
import { logs } from './commands/logs.ts'
import { cancel, deploy, operations, plan, releases, retry, rollback } from './commands/operations.ts'
import { run } from './commands/run.ts'
import { completion } from './completion.ts'
import { CliError } from './errors.ts'

const env = buildRouteMap({ routes: { pull, push, set }, docs: { brief: 'Variables of an environment' } })
const organisation = buildRouteMap({
  ...{ routes: { list: organisations, use: useOrganisation }, defaultCommand: 'list' },
  docs: { brief: 'Organisations, and which one you work in' },
})

const root = buildRouteMap({
  routes: {
    ...{ login, logout, whoami, init, organisations: organisation },
    ...{ servers, apps, deployKey, envs, services, deploy, plan, rollback, releases },
    ...{ operations, logs, cancel, retry, run, env, completion },
  },
  docs: { brief: 'Deploy to your own servers with Keystone' },
})

const told = (error: unknown): string => (error instanceof CliError ? error.message : error instanceof Error ? (error.stack ?? error.message) : String(error))

/** The whole program; run it with stricli's `run`. */
export const application = buildApplication(root, {
  name: 'keystone',
  scanner: { caseStyle: 'allow-kebab-for-camel', allowArgumentEscapeSequence: true },
  documentation: { caseStyle: 'convert-camel-to-kebab', disableAnsiColor: true },
  localization: { text: { ...text_en, exceptionWhileRunningCommand: told } },
  determineExitCode: (error) => (error instanceof CliError ? error.exitCode : 1),
})
