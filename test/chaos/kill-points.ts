import { stepsOf, type OperationTree, type Step } from '../../stack/demo/operation.ts'
import { randomFrom, shuffled } from './random.ts'

/** When the worker is killed, and how. */
export interface KillPoint {
  step: string
  /** `during` the step's run, after a part of its usual time; `after` its end, when no other step runs yet. */
  moment: 'during' | 'after'
  /** The part of the step's usual time, 0 to below 1. */
  part: number
  signal: 'SIGKILL' | 'SIGTERM'
}

export const describePoint = ({ step, moment, part, signal }: KillPoint): string =>
  `${signal} ${moment === 'during' ? `at ${Math.round(part * 100)} % of` : 'after'} "${step}"`

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
