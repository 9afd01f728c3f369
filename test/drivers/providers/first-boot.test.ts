import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { firstBoot, generateHostKey, publicLine } from '../../../drivers/providers/first-boot.ts'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'
import { run } from '../../lab/run.ts'

it('gives cloud-init a host key whose halves belong together, as OpenSSH sees it', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'keystone-keys-'))
  for (let count = 0; count < 20; count++) {
    const { publicKey, privateKey } = generateHostKey()
    const text = firstBoot(privateKey)
    expect(text.reveal().split('\n')[0]).toBe('#cloud-config')
    const settings = parse(text.reveal()) as { ssh_keys: { ecdsa_private: string } }
    expect(settings).toEqual({ ssh_deletekeys: true, ssh_keys: { ecdsa_private: privateKey.reveal(), ecdsa_public: publicKey } })
    const file = join(folder, `key-${count}`)
    writeFileSync(file, settings.ssh_keys.ecdsa_private, { mode: 0o600 })
    expect((await run(['ssh-keygen', '-y', '-f', file])).split(' ').slice(0, 2).join(' ')).toBe(publicKey)
    expect(publicKey).toMatch(/^ecdsa-sha2-nistp256 /)
  }
  rmSync(folder, { recursive: true })
})

it('reads the public half of the key of the first login', () => {
  const { publicKey, privateKey } = generateDeployKey('root')
  expect(publicKey).toBe(`${publicLine(privateKey)} root`)
})
