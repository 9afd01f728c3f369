import { z } from 'zod'
import type { LookedAt } from './looked-at.ts'

/** One run of a step's unit, as systemd saw it. */
export interface UnitRun {
  /** `keystone-<hash>-<nn>` */
  unit: string
  /** `30-migrate`, from the unit's description. */
  step: string
  startedAt: Date
  /** By itself, from outside (also by a reboot), by a signal or error; `unseen` while it runs and when the server died. */
  end: 'finished' | 'stopped' | 'failed' | 'unseen'
}

/** Ids of systemd's messages; `systemd.journal-fields(7)` and `journalctl --catalog` explain them. */
const messages = {
  started: '39f53479d3a045ac8e11786248231fbf',
  stopping: 'de5b426a63be47a7b6ac3eaac82e2f6f',
  succeeded: '7ad2d189f7e94e70a38c781354912448',
  failed: 'd9b373ed55a64feb8242e02dbe79a49c',
} as const

const entrySchema = z.object({
  MESSAGE_ID: z.string(),
  UNIT: z.string(),
  MESSAGE: z.string(),
  /** Microseconds since 1970. */
  __REALTIME_TIMESTAMP: z.coerce.number(),
})

type Entry = z.infer<typeof entrySchema>

/** Every run of a `keystone-…` unit in a server's journal, in the order of their starts, over all its boots. */
export async function unitRuns(server: LookedAt): Promise<UnitRun[]> {
  const matches = Object.values(messages).map((id) => `MESSAGE_ID=${id}`)
  const lines = await server.exec(['journalctl', '--no-pager', '--output', 'json', '_PID=1', ...matches])
  const entries = lines.split('\n').filter((line) => line !== '').map((line) => entrySchema.parse(JSON.parse(line)))
  const runs: UnitRun[] = []
  for (const entry of entries) {
    const unit = /^(keystone-[0-9a-f]+-\d+)\.service$/.exec(entry.UNIT)?.[1]
    if (unit === undefined) continue
    const run = runs.findLast((candidate) => candidate.unit === unit)
    if (entry.MESSAGE_ID === messages.started) runs.push(begun(unit, entry))
    else if (run?.end === 'unseen') run.end = endBy(entry.MESSAGE_ID)
  }
  return runs
}

const begun = (unit: string, { MESSAGE, __REALTIME_TIMESTAMP }: Entry): UnitRun => ({
  unit,
  step: stepIn(MESSAGE),
  startedAt: new Date(__REALTIME_TIMESTAMP / 1000),
  end: 'unseen',
})

const stepIn = (message: string) => / - keystone \S+ (\S+?)\.?$/.exec(message)?.[1] ?? ''

function endBy(messageId: string): UnitRun['end'] {
  if (messageId === messages.stopping) return 'stopped'
  return messageId === messages.succeeded ? 'finished' : 'failed'
}

/** How often each unit was started. */
export async function unitStarts(server: LookedAt): Promise<Map<string, number>> {
  const starts = new Map<string, number>()
  for (const { unit } of await unitRuns(server)) starts.set(unit, (starts.get(unit) ?? 0) + 1)
  return starts
}

export interface RepeatedUnit {
  unit: string
  step: string
  runs: UnitRun[]
  /** It was started again although a run had ended by itself, which never may be. */
  isAfterItsEnd: boolean
}

/** The units that were started more than once. */
export function findRepeated(runs: readonly UnitRun[]): RepeatedUnit[] {
  const units = [...new Set(runs.map(({ unit }) => unit))]
  const byUnit = units.map((unit) => runs.filter((run) => run.unit === unit)).filter((ofUnit) => ofUnit.length > 1)
  return byUnit.map((ofUnit) => ({
    unit: ofUnit[0]?.unit ?? '',
    step: ofUnit[0]?.step ?? '',
    runs: ofUnit,
    isAfterItsEnd: ofUnit.slice(0, -1).some(({ end }) => end === 'finished'),
  }))
}
