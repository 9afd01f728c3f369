import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Say } from '../say.ts'
import { root, runNode } from './command.ts'
import { prepareLab, prepareTemporal } from './preparations.ts'

const folder = 'test/deep'
const suiteFile = /^([a-z-]+)\.test\.ts$/

/** Runs one of the long suites whole; lists them where none is named, or one that is not there. Returns the exit code. */
export async function deep(env: NodeJS.ProcessEnv, asked: readonly string[], say: Say): Promise<number> {
  const suites = (await readdir(join(root, folder))).flatMap((name) => suiteFile.exec(name)?.[1] ?? [])
  const [suite, ...others] = asked
  if (suite === undefined || others.length > 0 || !suites.includes(suite)) {
    const wrong = asked.length === 0 ? 'Name a suite' : `There is no suite "${asked.join(' ')}"`
    console.error(`${wrong}. npm run test:deep -- SUITE runs one whole:\n${suites.map((name) => `  ${name}`).join('\n')}`)
    return 2
  }
  const lacks = await Promise.all([prepareTemporal(env, say), prepareLab()])
  const reasons = lacks.flatMap((lack) => lack?.reason ?? [])
  for (const reason of reasons) console.error(`The suite ${suite} cannot run here: ${reason}`)
  if (reasons.length > 0) return 1
  return runNode(['node_modules/vitest/vitest.mjs', 'run', '--project', 'deep', `${folder}/${suite}.test.ts`])
}
