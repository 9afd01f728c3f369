import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { localFiles, scanForSecrets, texts } from './index.ts'

describe('scanForSecrets', () => {
  const secret = "p/ss+'wörd \"&<42>%~x=="
  const formsIn = async (text: string) => {
    const found = await scanForSecrets({ secrets: { secret }, places: [texts({ text })] })
    return found.map(({ form }) => form)
  }
  const byGo = (json: string) => json.replace(/[<>&]/g, (sign) => String.raw`\u00` + sign.charCodeAt(0).toString(16))

  it.each([
    ['raw', `password=${secret};`],
    ['base64', Buffer.from(secret).toString('base64')],
    ['base64', Buffer.from(`u:${secret}`).toString('base64')],
    ['base64', Buffer.from(`Password ${secret} and more`).toString('base64')],
    ['base64url', Buffer.from(`us:${secret}`).toString('base64url')],
    ['URL-encoded', `https://user:${encodeURIComponent(secret)}@host`],
    ['URL-encoded', new URLSearchParams({ secret }).toString()],
    ['JSON-escaped', JSON.stringify({ secret })],
    ['JSON-escaped', JSON.stringify({ secret }).replaceAll('/', String.raw`\/`).replace('ö', String.raw`\u00f6`)],
    ['JSON-escaped', JSON.stringify(JSON.stringify({ secret }))],
    ['JSON-escaped', byGo(JSON.stringify({ secret }))],
    ['shell-quoted', `'${secret.replaceAll("'", String.raw`'\''`)}'`],
    ['hex', `\\x00${Buffer.from(secret).toString('hex')}`],
  ])('finds a secret that is %s: %s', async (form, text) => {
    expect(await formsIn(text)).toContain(form)
  })

  it('finds a line of a secret that has several', async () => {
    const key = '-----BEGIN KEY-----\nb3BlbnNzaC1rZXktdjEAAAA\nQyNTUxOQAAACB5c2VjcmV0\n-----END KEY-----\n'
    const log = 'x QyNTUxOQAAACB5c2VjcmV0 x'
    const found = await scanForSecrets({ secrets: { key }, places: [texts({ log, other: key.slice(0, 40) })] })
    expect(found).toEqual([{ secret: 'key', form: 'raw', place: 'log' }])
  })

  it('refuses secrets that chance would find, and places that are not there', async () => {
    await expect(scanForSecrets({ secrets: { short: '1234567' }, places: [] })).rejects.toThrow('too short')
    const places = [localFiles(['/nowhere/at/all'])]
    await expect(scanForSecrets({ secrets: { secret }, places })).rejects.toThrow('/nowhere/at/all does not exist')
  })

  it('finds it in files of this machine', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'instruments-'))
    const binary = Buffer.concat([Buffer.from([0, 255, 10, 128]), Buffer.from(secret), Buffer.from([0])])
    await writeFile(join(folder, 'temporal.db'), binary, { mode: 0o600 })
    const found = await scanForSecrets({ secrets: { secret, other: 'not-in-there' }, places: [localFiles([folder])] })
    await rm(folder, { recursive: true })
    const place = `${folder}/temporal.db on this machine (600 ${userInfo().username})`
    expect(found).toEqual([{ secret: 'secret', form: 'raw', place }])
  })
})
