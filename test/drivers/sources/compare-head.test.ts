import { execFileSync, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Secret } from '../../../domain/secret.ts'
import { compareHead } from '../../../drivers/sources/compare-head.ts'

let folder: string
const commits: Record<string, string> = {}

const git = (...argv: string[]) =>
  execFileSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.com', '-C', join(folder, 'repository'), ...argv], { encoding: 'utf8' }).trim()

function commit(name: string, path: string, message: string): void {
  const file = join(folder, 'repository', path)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, name)
  git('add', '.')
  git('commit', '--quiet', '--message', message)
  commits[name] = git('rev-parse', 'HEAD')
}

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'compare-'))
  execFileSync('git', ['init', '--quiet', '--initial-branch=main', join(folder, 'repository')])
  commit('first', 'apps/shop/index.php', 'first')
  commit('shop', 'apps/shop/index.php', 'The shop changes')
  commit('docs', 'docs/index.md', 'The docs change')
  commit('star', 'apps/shop*/odd', 'A name with a star\n\n[skip deploy]')
})
afterAll(() => rmSync(folder, { recursive: true }))

/** Runs the step here, as a server would. */
function compared(head: string, since: readonly string[], paths: readonly string[]) {
  const [place, secrets] = [join(folder, 'step'), join(folder, 'secrets')]
  for (const path of [place, secrets]) mkdirSync(path, { recursive: true })
  const repositoryUrl = `file://${join(folder, 'repository')}`
  const step = compareHead({ repositoryUrl, deployKey: new Secret('-'), knownHosts: '', head: commits[head] ?? head, since: since.map((name) => commits[name] ?? name), paths })
  const env = { ...process.env, ...step.inputs, KEYSTONE_STEP_DIR: place, KEYSTONE_SECRETS: secrets, KEYSTONE_RESULT: join(folder, 'result') }
  const { status, stderr } = spawnSync('bash', [], { input: step.script, env, encoding: 'utf8' })
  if (status !== 0) throw new Error(stderr)
  expect(readdirSync(place)).toEqual([])
  return step.parse(readFileSync(join(folder, 'result'), 'utf8'))
}

const isDifferent = (...args: Parameters<typeof compared>) => compared(...args).isDifferent

describe('the head of a branch', () => {
  it('is told from what was before by what lies in the paths', () => {
    expect(isDifferent('shop', ['first'], ['apps/shop'])).toBe(true)
    expect(isDifferent('docs', ['shop'], ['apps/shop'])).toBe(false)
    expect(isDifferent('docs', ['shop'], ['docs/index.md', 'apps/shop'])).toBe(true)
    expect([isDifferent('docs', ['shop'], ['.']), isDifferent('docs', ['docs'], ['.'])]).toEqual([true, false])
  })

  it('is different where it is from any of several, from nothing, and from what is not there any more', () => {
    expect(isDifferent('docs', ['shop', 'first'], ['apps/shop'])).toBe(true)
    expect(isDifferent('docs', [], ['apps/shop'])).toBe(true)
    expect(isDifferent('docs', ['0123456789'.repeat(4)], ['apps/shop'])).toBe(true)
  })

  it('takes paths as they are, not as patterns', () => {
    expect(isDifferent('star', ['docs'], ['apps/shop'])).toBe(false)
    expect(isDifferent('star', ['docs'], ['apps/shop*'])).toBe(true)
  })

  it('comes with its message', () => {
    expect(compared('star', ['docs'], ['.']).message).toBe('A name with a star\n\n[skip deploy]\n\n')
  })

  it('that is not there fails', () => {
    expect(() => compared('0123456789'.repeat(4), ['docs'], ['.'])).toThrow()
  })
})
