import { isDeepStrictEqual } from 'node:util'
import { ApplicationFailure, CancelledFailure, Context } from '@temporalio/activity'
import type { Activities } from '../../activities/index.ts'
import type { Sql } from '../../db/connect.ts'

type Activity = (input: never) => Promise<unknown>

/** What the second execution of an activity did that it must not do. */
export interface SecondEffect {
  activity: string
  /** Tables that it changed; empty where only its answer was another one. */
  tables: string[]
  answers?: [unknown, unknown]
}

/** Activities that are executed twice, and what came of it. */
export interface EverythingTwice {
  activities: Activities
  /** Names of those that were executed. */
  executed: Set<string>
  secondEffects: SecondEffect[]
  /** Runs work while no activity is under way, so that its changes are not taken for an activity's. */
  between<Result>(work: () => Promise<Result>): Promise<Result>
}

/**
 * Executes every activity twice, one activity at a time, and looks at what the second execution changed in the database, or
 * answered otherwise. An activity that fails has to fail the same way again.
 */
export function everythingTwice(activities: Activities, sql: Sql): EverythingTwice {
  const executed = new Set<string>()
  const secondEffects: SecondEffect[] = []
  const between = oneAtATime()
  const twice = (name: string, activity: Activity) => (input: never) =>
    beating(() =>
      between(async () => {
        executed.add(name)
        const first = await outcomeOf(activity, input)
        if ('error' in first && isLetGo(first.error)) throw first.error
        const before = await stateOf(sql)
        const second = await outcomeOf(activity, input)
        if ('error' in second && isLetGo(second.error)) throw second.error
        const after = await stateOf(sql)
        const tables = Object.keys(after).filter((table) => before[table] !== after[table])
        const isSame = isDeepStrictEqual(told(first), told(second))
        const difference: Partial<SecondEffect> = isSame ? {} : { answers: [told(first), told(second)] }
        if (tables.length > 0 || !isSame) secondEffects.push({ activity: name, tables, ...difference })
        if ('error' in second) throw second.error
        return second.answer
      }),
    )
  const wrapped = Object.entries(activities).map(([name, activity]) => [name, twice(name, activity as Activity)])
  return { activities: Object.fromEntries(wrapped) as Activities, executed, secondEffects, between }
}

type Outcome = { answer: unknown } | { error: unknown }

const outcomeOf = (activity: Activity, input: never): Promise<Outcome> =>
  activity(input).then(
    (answer) => ({ answer }),
    (error: unknown) => ({ error }),
  )

/** Whoever lets go of a step, or loses its server, has not executed it: the next attempt goes on with it. */
const isLetGo = (error: unknown) =>
  error instanceof CancelledFailure || (error instanceof ApplicationFailure && (error.type === 'detached' || (!error.nonRetryable && isOfSsh(error))))

const isOfSsh = ({ type }: ApplicationFailure) => type?.startsWith('ssh_') === true

const told = (outcome: Outcome) => ('error' in outcome ? String(outcome.error) : outcome.answer)

function oneAtATime() {
  let last: Promise<unknown> = Promise.resolve()
  return <Result>(work: () => Promise<Result>): Promise<Result> => {
    const next = last.then(work, work)
    last = next.catch(() => {})
    return next
  }
}

/** Who waits for his turn lives too. Outside of a worker there is nobody to tell, and of local activities nobody asks. */
async function beating<Result>(work: () => Promise<Result>): Promise<Result> {
  const context = isInWorker() ? Context.current() : null
  const timer = setInterval(() => context?.info.isLocal || context?.heartbeat(), 2000)
  try {
    return await work()
  } finally {
    clearInterval(timer)
  }
}

function isInWorker(): boolean {
  try {
    Context.current()
    return true
  } catch {
    return false
  }
}

/** When something was looked at. */
const moments = ['observed_at', 'last_seen_at', 'branch_checked_at']

/** What dispatcher and API write at any time. */
const others = ['dispatched_at', 'cancel_requested_at', 'cancel_delivered_at', 'updated_at', 'last_used_at', ...moments]

/** A digest of every table. */
async function stateOf(sql: Sql): Promise<Record<string, string>> {
  const tables = await sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public'`
  const digests = await Promise.all(
    tables.map(async ({ name }) => {
      const [row] = await sql.unsafe(`select md5(coalesce(string_agg(value, '' order by value), '')) as digest
        from (select (to_jsonb(row) - '{${others.join(',')}}'::text[])::text as value from ${name} as row) as values`)
      return [name, String(row?.digest)] as const
    }),
  )
  return Object.fromEntries(digests)
}
