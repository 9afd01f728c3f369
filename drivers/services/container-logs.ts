import { textBeside } from './scripts.ts'

const script = textBeside(import.meta.url, 'container-logs.sh')

/** Which containers' logs are wanted, and how much of them. */
export interface LogWish {
  environmentId: string
  /** Null: of all. */
  serviceId: string | null
  replicaId: string | null
  /** The last lines of each container. */
  tail: number
  /** A moment, or how long before now, as `docker logs` takes it; null: from the beginning. */
  since: string | null
  isFollowed: boolean
}

/** The command that tells them, for `Remote.follow`: as Keystone's user; it changes nothing. */
export function containerLogs({ environmentId, serviceId, replicaId, tail, since, isFollowed }: LogWish): string[] {
  const inputs = [
    ...[`ENVIRONMENT=${environmentId}`, `SERVICE=${serviceId ?? ''}`, `REPLICA=${replicaId ?? ''}`],
    ...[`TAIL=${tail}`, `SINCE=${since ?? ''}`, `FOLLOW=${isFollowed ? 'yes' : 'no'}`],
  ]
  return ['env', ...inputs, 'bash', '-c', script]
}

/** A line that a container has written. */
export interface ContainerLine {
  serviceId: string
  replicaId: string
  isScheduler: boolean
  stream: 'out' | 'err'
  /** To the nanosecond, in UTC: what is earlier sorts first. */
  at: string
  text: string
}

/** What a server has told; `isReady`: that is all there was when it was asked. */
export interface ToldLogs {
  lines: ContainerLine[]
  isReady: boolean
}

/** Reads what the command writes, however its bytes are cut. A line of more than 64 KiB comes in parts. */
export function createLogReader(): { push(bytes: Buffer): ToldLogs } {
  /** Bytes are kept as characters of Latin-1 until a line is whole. */
  let rest = ''
  const parts = new Map<string, string>()
  const line = (text: string): ContainerLine[] => {
    const [, source = '', more, part = ''] = form.exec(text) ?? []
    const whole = `${parts.get(source) ?? ''}${part}`
    parts.delete(source)
    if (more === '+' && whole.length < longestLine) parts.set(source, whole)
    else return lineOf(source, whole)
    return []
  }
  return {
    push(bytes) {
      const told = `${rest}${bytes.toString('latin1')}`.split('\n')
      rest = told.pop() ?? ''
      return { lines: told.flatMap((text) => (text === ready ? [] : line(text))), isReady: told.includes(ready) }
    },
  }
}

/** The `since` of what comes behind a line of this time. */
export function sinceBehind(at: string): string {
  const [, seconds = at, fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(at) ?? []
  const next = Math.min(Number(fraction.padEnd(9, '0').slice(0, 9)) + 1, 999_999_999)
  return `${seconds}.${String(next).padStart(9, '0')}Z`
}

const ready = 'ready'
const longestLine = 64 * 1024
const form = /^(\S+ \S+ (?:yes|no) [oe]) ([.+]) (.*)$/s
const dated = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z) ?(.*)$/s

/** What has no time is Docker's own, such as that a container has gone meanwhile. */
function lineOf(source: string, latin1: string): ContainerLine[] {
  const [serviceId = '', replicaId = '', scheduler, stream] = source.split(' ')
  const [, at, text = ''] = dated.exec(Buffer.from(latin1, 'latin1').toString('utf8')) ?? []
  if (at === undefined) return []
  return [{ serviceId, replicaId, isScheduler: scheduler === 'yes', stream: stream === 'o' ? 'out' : 'err', at, text: text.replace(/\r$/, '') }]
}
