import { randomBytes } from 'node:crypto'
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { z } from 'zod'
import type { Keyring } from '../../domain/keyring.ts'
import { createKeyring } from './keyring.ts'

const keyFile = z.object({ current: z.string(), keys: z.record(z.string(), z.base64()) })

/** The keyring of the file at `path` (mode 0600; design section 13). Throws an error that says what to do about the file. */
export async function readKeyring(path: string): Promise<Keyring> {
  const { mode } = await stat(path)
  if (mode & 0o077) throw new Error(`${path} holds encryption keys and others may read it: chmod 600 ${path}`)
  const parsed = keyFile.safeParse(parseJson(await readFile(path, 'utf8')))
  if (!parsed.success) throw new Error(`${path} is not a key file: restore it, without it nothing that is encrypted can be read`)
  return createKeyring(parsed.data)
}

/** Makes a key file with one new key where there is none; the first of several makers wins, an existing file is never touched. */
export async function ensureKeyFile(path: string): Promise<void> {
  const current = `key-${randomBytes(4).toString('hex')}`
  const text = JSON.stringify({ current, keys: { [current]: randomBytes(32).toString('base64') } })
  const unfinished = `${path}.${current}`
  await writeFile(unfinished, `${text}\n`, { mode: 0o600 })
  await link(unfinished, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(unfinished)
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
