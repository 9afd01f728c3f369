import type { ConvergenceInput } from '../activities/convergence.ts'
import { remote } from './proxies.ts'

/** What follows once a server has its next key. Where it fails both let Keystone in, and the next rotation goes on from here. */
export async function retireServerKey(work: ConvergenceInput): Promise<void> {
  await remote.retireServerKey.executeWithOptions({ summary: 'shut out the key of before' }, [work])
}
