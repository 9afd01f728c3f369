import type { Say } from '../say.ts'
import { runNode } from './command.ts'
import { prepareLab, prepareTemporal, type Preparation } from './preparations.ts'
import { missProject, type Project, projects, runProject } from './project.ts'
import { inWords, none, sum, type Tally } from './tally.ts'

const tools = {
  typecheck: [['node_modules/typescript/bin/tsc', '--noEmit']],
  lint: [
    ['node_modules/oxlint/bin/oxlint', '--type-aware'],
    ['--import', 'tsx', 'tools/imports.ts'],
    ['node_modules/knip/bin/knip.js'],
  ],
} as const

/**
 * Runs type check, linters and all tests, or only the projects asked for; what takes minutes is made beside what does not need
 * it. What cannot run on this machine is named and counted, a file as one test: as skipped, with CI=true as failed. The last line
 * has the sums. Returns the exit code.
 */
export async function test(env: NodeJS.ProcessEnv, asked: readonly Project[], say: Say): Promise<number> {
  const chosen = projects.filter((project) => asked.length === 0 || asked.includes(project))
  const missing = preparationsOf(chosen, env, say)
  const tallies = asked.length === 0 ? [await check('typecheck', say), await check('lint', say)] : []
  for (const project of chosen) {
    const lack = await missing[project]
    const isFailure = lack?.isFailure || env.CI === 'true'
    tallies.push(lack ? await missProject(project, { ...lack, isFailure }, say) : await runProject(project, say))
  }
  const total = sum(tallies)
  for (const failure of total.failures) say(`failed: ${failure}`)
  console.log(inWords(total))
  return total.failed === 0 ? 0 : 1
}

function preparationsOf(chosen: readonly Project[], env: NodeJS.ProcessEnv, say: Say): Record<Project, Preparation> {
  const nothing = Promise.resolve(null)
  const hasLab = chosen.includes('lab')
  const temporal = hasLab || chosen.includes('workflows') ? prepareTemporal(env, say) : nothing
  const images = hasLab ? prepareLab() : nothing
  const lab = Promise.all([temporal, images]).then(([ofTemporal, ofImages]) => ofTemporal ?? ofImages)
  return { unit: nothing, database: nothing, workflows: temporal, lab }
}

/** Counts as one test. */
async function check(name: keyof typeof tools, say: Say): Promise<Tally> {
  say(name)
  const codes: number[] = []
  for (const argv of tools[name]) codes.push(await runNode(argv))
  return codes.every((code) => code === 0) ? { ...none, passed: 1 } : { ...none, failed: 1, failures: [name] }
}
