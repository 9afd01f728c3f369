import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { CliError, exitCodes } from './errors.ts'

/** Which Keystone is asked, and as whom. */
export interface Settings {
  url: string
  token: string | null
  /** By name or id; null: the only one that the token reaches. */
  organisation: string | null
}

export type Environment = Readonly<Partial<Record<string, string>>>

const defaultUrl = 'http://127.0.0.1:4000'

const storedSchema = z.object({
  url: z.url().optional(),
  token: z.string().optional(),
  organisation: z.string().optional(),
})
type Stored = z.infer<typeof storedSchema>

/** `$XDG_CONFIG_HOME/keystone/config.json` (XDG Base Directory Specification); `~/.config` where that is not set. */
export const settingsPath = (env: Environment): string =>
  join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config'), 'keystone', 'config.json')

/** What is stored, unless the environment says otherwise. A stored token is for the stored address alone. Throws a CliError where the file is broken. */
export async function readSettings(env: Environment): Promise<Settings> {
  const stored = await readStored(settingsPath(env))
  const url = trimmed(env.KEYSTONE_URL || stored.url || defaultUrl)
  const isStoredUrl = url === trimmed(stored.url ?? defaultUrl)
  return {
    url,
    token: env.KEYSTONE_TOKEN || (isStoredUrl && stored.token) || null,
    organisation: env.KEYSTONE_ORGANISATION || (isStoredUrl && stored.organisation) || null,
  }
}

const trimmed = (url: string): string => url.replace(/\/+$/, '')

/** Stores settings, readable for nobody else; the file is whole at any moment. */
export async function storeSettings(env: Environment, { url, token, organisation }: Settings): Promise<void> {
  const path = settingsPath(env)
  const stored: Stored = { url, token: token ?? undefined, organisation: organisation ?? undefined }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const beside = `${path}.${process.pid}`
  await writeFile(beside, `${JSON.stringify(stored, null, 2)}\n`, { mode: 0o600 })
  await rename(beside, path)
}

async function readStored(path: string): Promise<Stored> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '{}'
    throw error
  })
  try {
    return storedSchema.parse(JSON.parse(text))
  } catch {
    throw new CliError(exitCodes.usage, `${path} cannot be read as settings: remove it and log in again.`)
  }
}
