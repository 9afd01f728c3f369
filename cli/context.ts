import type { CommandContext, StricliProcess } from '@stricli/core'
import type { Environment } from './settings.ts'
import type { Terminal } from './terminal.ts'

/** What commands work with. */
export interface CliContext extends CommandContext {
  process: StricliProcess
  env: Environment
  terminal: Terminal
}

/** Flags of every command that asks the API. */
export interface CommonFlags {
  json: boolean
}

export const commonFlags = {
  json: { kind: 'boolean', brief: 'Print exactly what the API answers', default: false },
} as const

/** Flags of commands on the things of an organisation. */
export interface OrganisationFlags extends CommonFlags {
  organisation?: string
}

export const organisationFlags = {
  ...commonFlags,
  organisation: { kind: 'parsed', parse: String, optional: true, brief: 'The organisation, by name or id', placeholder: 'name' },
} as const
