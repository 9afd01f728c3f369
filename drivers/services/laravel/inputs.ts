import { createHash } from 'node:crypto'
import { Secret } from '../../../domain/secret.ts'
import type { BuildConfig } from './config.ts'

/** What composer and the asset build see beside the source: build variables, and build secrets, which win over them. */

type Variables = Pick<BuildConfig, 'variables'>

/** Stands for all inputs of a build without telling anything of a secret's value; null where there are none. */
export function inputsFingerprint({ variables }: Variables, secretVersions: Readonly<Record<string, string>>): string | null {
  const parts = [sorted(variables), sorted(secretVersions)]
  if (parts.every((part) => part.length === 0)) return null
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)
}

const sorted = (values: Readonly<Record<string, string>>) => Object.entries(values).toSorted(([one], [other]) => (one < other ? -1 : 1))

/** The build argument that makes layers of other inputs not fit. */
export const inputsArgument = (fingerprint: string | null): string[] => (fingerprint === null ? [] : [`KEYSTONE_BUILD_INPUTS=${fingerprint}`])

/** A script for a POSIX shell that exports them. */
export function buildInputs({ variables }: Variables, secrets: Readonly<Record<string, Secret>>): Secret {
  const values = { ...variables, ...Object.fromEntries(Object.entries(secrets).map(([name, secret]) => [name, secret.reveal()])) }
  return new Secret(Object.entries(values).map(([name, value]) => `export ${name}=${quoted(value)}\n`).join(''))
}

/** Nothing is special between single quotes but these. */
const quoted = (value: string): string => `'${value.replaceAll("'", `'\\''`)}'`
