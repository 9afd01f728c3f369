import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stepsOf, type OperationTree } from '../../stack/demo/operation.ts'
import { locked } from '../lab/lock.ts'
import type { WorkerCounts } from './keystone.ts'

interface DeployCounts extends WorkerCounts {
  temporalEvents: number
}

/** `test-results/lab.json`, written by the lab tests of one run together. */
export interface LabReport {
  deploys: (DeployCounts & { name: string; seconds: number; steps: { name: string; seconds: number }[] })[]
  faults: { name: string; seed: number; point: string; outcome: string; stepsRunTwice: number; leftovers: number }[]
  secretsFound: number
}

const folder = join(import.meta.dirname, '..', '..', 'test-results')
const file = join(folder, 'lab.json')

const emptyReport: LabReport = { deploys: [], faults: [], secretsFound: 0 }

/** Begins the report anew. */
export async function beginReport(): Promise<void> {
  await mkdir(folder, { recursive: true })
  await writeFile(file, JSON.stringify(emptyReport))
}

/** Adds to the report; other test files add theirs at the same time. */
export async function report(change: (found: LabReport) => LabReport): Promise<void> {
  await locked('lab-report', async () => {
    const found: LabReport = JSON.parse(await readFile(file, 'utf8'))
    await writeFile(file, `${JSON.stringify(change(found), null, 2)}\n`)
  })
}

const secondsBetween = (from: string | null, to: string | null) => (Date.parse(to ?? '') - Date.parse(from ?? '')) / 1000

/** A deploy as the report shows it. */
export function deployReport(name: string, tree: OperationTree, counts: DeployCounts): LabReport['deploys'][number] {
  const steps = stepsOf(tree).map((step) => ({ name: step.name, seconds: secondsBetween(step.startedAt, step.finishedAt) }))
  return { name, seconds: secondsBetween(tree.startedAt, tree.finishedAt), steps, ...counts }
}
