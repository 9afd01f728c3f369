import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { letKeyIn, shutKeyOut } from '../../../drivers/servers/keys.ts'
import type { ServiceStep } from '../../../drivers/services/contract-step.ts'
import { generateDeployKey } from '../../../drivers/sources/deploy-key.ts'

const [before, next, people] = ['keystone web', 'keystone web', 'somebody@home'].map((comment) => generateDeployKey(comment).publicKey) as [string, string, string]

/** The home of a user with these lines in its authorized_keys, and what steps make of them. */
function home(...lines: string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'keystone-keys-'))
  const ssh = join(folder, '.ssh')
  const path = join(ssh, 'authorized_keys')
  mkdirSync(ssh, { mode: 0o700 })
  if (lines.length > 0) writeFileSync(path, lines.map((line) => `${line}\n`).join(''), { mode: 0o600 })
  return {
    run({ script, inputs }: ServiceStep<void>): string[] {
      execFileSync('bash', ['-c', script], { env: { PATH: process.env.PATH, HOME: folder, ...inputs }, stdio: ['ignore', 'inherit', 'inherit'] })
      expect([statSync(path).mode & 0o777, readdirSync(ssh)]).toEqual([0o600, ['authorized_keys']])
      return readFileSync(path, 'utf8').split('\n').slice(0, -1)
    },
    inode: () => statSync(path).ino,
  }
}

test('a key is let in beside those that are there, once', () => {
  const server = home(people, before)
  for (const _ of [1, 2]) expect(server.run(letKeyIn(next))).toEqual([people, before, next])
})

test('where there is none yet, it is the first', () => {
  expect(home().run(letKeyIn(next))).toEqual([next])
})

test('a key is shut out, and nobody else', () => {
  const server = home(people, before, next)
  for (const _ of [1, 2]) expect(server.run(shutKeyOut({ stays: next, goes: before }))).toEqual([people, next])
})

test('a key is shut out though somebody has written it otherwise', () => {
  expect(home(`from="192.0.2.0/24" ${before} of mine`, next).run(shutKeyOut({ stays: next, goes: before }))).toEqual([next])
})

test('the last key that is shut out leaves the one that stays', () => {
  expect(home(before).run(shutKeyOut({ stays: next, goes: before }))).toEqual([next])
})

test('a repetition leaves the file alone', () => {
  const server = home(before, next)
  const inode = server.inode()
  server.run(letKeyIn(next))
  expect(server.inode()).toBe(inode)
})
