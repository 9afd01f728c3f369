import { CancellationScope } from '@temporalio/workflow'
import type { SliceWork } from '../activities/slices.ts'
import { control, remote } from './proxies.ts'

/** What follows the commit point of a removal: nobody can use the slice any more, so its data goes, and then its name is free. */
export async function removeSlice(work: SliceWork): Promise<void> {
  await CancellationScope.nonCancellable(async () => {
    await remote.removeSlice.executeWithOptions({ summary: 'remove the slice with its data' }, [work])
    await control.recordSliceRemoved(work)
  })
}
