import { type Client, ScheduleAlreadyRunning, type ScheduleOptions, ScheduleOverlapPolicy } from '@temporalio/client'
import { taskQueue } from './workflows.ts'

/** What Keystone does by itself again and again. */
const schedules = [
  { scheduleId: 'keystone-update-lookup', workflowType: 'update_lookup', every: '6 hours', jitter: '30 minutes', catchupWindow: '1 hour' },
  { scheduleId: 'keystone-server-watch', workflowType: 'server_watch', every: '5 minutes', jitter: '30 seconds', catchupWindow: '1 minute' },
  { scheduleId: 'keystone-server-tidy', workflowType: 'server_tidy', every: '1 day', jitter: '1 hour', catchupWindow: '12 hours' },
  { scheduleId: 'keystone-branch-watch', workflowType: 'branch_watch', every: '1 minute', jitter: '10 seconds', catchupWindow: '1 minute' },
] as const

/** Has every schedule be there as it is meant, the first time with a run at once; repeating it changes nothing, and one that somebody has paused stays paused. */
export async function prepareSchedules({ schedule: client }: Client): Promise<void> {
  for (const schedule of schedules) {
    const wanted = optionsOf(schedule)
    try {
      await client.create({ scheduleId: schedule.scheduleId, ...wanted, state: { triggerImmediately: true } })
    } catch (error) {
      if (!(error instanceof ScheduleAlreadyRunning)) throw error
      await client.getHandle(schedule.scheduleId).update(({ state }) => ({ ...wanted, state }))
    }
  }
}

/** The jitter keeps installations from asking the same registry, and one from asking all its servers with each full hour. */
function optionsOf({ scheduleId, workflowType, every, jitter, catchupWindow }: (typeof schedules)[number]) {
  return {
    spec: { intervals: [{ every }], jitter },
    action: { type: 'startWorkflow', workflowType, workflowId: scheduleId, taskQueue, args: [] },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow },
  } satisfies Omit<ScheduleOptions, 'scheduleId'>
}
