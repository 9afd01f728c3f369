import { stepsOf, type OperationTree, type Step } from '../../stack/demo/operation.ts'
import { randomFrom, shuffled } from './random.ts'

/** When the worker is killed, and how. */
export interface KillPoint {
  /** Null: the operation itself, from the wish on. */
  step: string | null
  /** `during` its run, after a part of its usual time; `after` its end, when no other step runs yet. */
  moment: 'during' | 'after'
  /** The part of its usual time, 0 to below 1. */
  part: number
  signal: 'SIGKILL' | 'SIGTERM'
}

export const describePoint = ({ step, moment, part, signal }: KillPoint): string =>
  `${signal} ${moment === 'during' ? `at ${Math.round(part * 100)} % of` : 'after'} ${step === null ? 'the whole' : `"${step}"`}`

/** A point that is nearer to the beginning, for an operation that was over before this one. */
export const earlier = (point: KillPoint): KillPoint => ({ ...point, moment: 'during', part: point.part / 2 })

/** What ten kills have to meet (issue 1): build, migration, replica start, gateway apply, and the time between two activities. */
const always = [
  { step: /^build image$/, moment: 'during' },
  { step: /^migrate$/, moment: 'during' },
  { step: /^start web$/, moment: 'during' },
  { step: /^apply gateway revision$/, moment: 'during' },
  { step: /^start scheduler$/, moment: 'after' },
] as const

/** A gateway's revision has its number in the name, another in each deploy. */
export const kindOf = ({ name }: Pick<Step, 'name'>): string => name.replace(/ \d+$/, '')

interface Draw {
  seed: number
  count?: number
  signals?: readonly KillPoint['signal'][]
}

/** Points of at least eight kinds, drawn by the seed from the steps of a deploy in which nothing was killed. */
export function drawKillPoints(undisturbed: OperationTree, draw: Draw): KillPoint[] {
  const { seed, count = 10, signals = ['SIGKILL', 'SIGTERM'] } = draw
  const random = randomFrom(seed)
  const kinds = [...new Set(stepsOf(undisturbed).map(kindOf))].toSorted()
  const needed = always.map(({ step, moment }) => {
    const kind = kinds.find((name) => step.test(name))
    if (kind === undefined) throw new Error(`no step is like ${step}: ${kinds.join(', ')}`)
    return { step: kind, moment }
  })
  const others = kinds.flatMap((step) => (['during', 'after'] as const).map((moment) => ({ step, moment })))
  const isNeeded = ({ step, moment }: Pick<KillPoint, 'step' | 'moment'>) =>
    needed.some((point) => point.step === step && point.moment === moment)
  const more = shuffled(others, random).filter((place) => !isNeeded(place))
  const places = shuffled([...needed, ...more.slice(0, count - needed.length)], random)
  const signal = () => signals[Math.floor(random() * signals.length)] ?? 'SIGKILL'
  return places.map(({ step, moment }): KillPoint => ({ step, moment, part: random(), signal: signal() }))
}

/**
 * As many points for SIGKILL in an operation of any kind, drawn by the seed: in its steps and behind them, but for the last one, and at
 * moments of the whole; only these where it has too few steps.
 */
export function drawPlainKills(undisturbed: OperationTree, { seed, count }: { seed: number; count: number }): KillPoint[] {
  const random = randomFrom(seed)
  const steps = stepsOf(undisturbed).toSorted((one, other) => Date.parse(one.finishedAt ?? '') - Date.parse(other.finishedAt ?? ''))
  const during = [...new Set(steps.map(kindOf))].map((step) => ({ step, moment: 'during' as const }))
  const behind = [...new Set(steps.slice(0, -1).map(kindOf))].map((step) => ({ step, moment: 'after' as const }))
  const ofWhole = Array.from({ length: count }, () => ({ step: null, moment: 'during' as const }))
  const [first, second, ...fill] = ofWhole
  const places = shuffled([...during, ...behind, ...[first, second].flatMap((place) => place ?? [])], random)
  return [...places, ...fill].slice(0, count).map((place): KillPoint => ({ ...place, part: random(), signal: 'SIGKILL' }))
}
