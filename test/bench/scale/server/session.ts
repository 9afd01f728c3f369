import { text } from 'node:stream/consumers'
import type { ServerChannel } from 'ssh2'
import { quote } from '../../../../drivers/ssh/quote.ts'
import type { Answer } from './answer.ts'
import { answerTo } from './answers.ts'
import { type Call, readCall } from './call.ts'
import { answerLook, isLook, readLook } from './look.ts'
import { idOf, type Machine } from './machine.ts'
import { type Parcel, readParcel } from './parcel.ts'
import { startStep, type Step, stopStep, written } from './steps.ts'
import { type Tally, tellViolation } from './tally.ts'

/** One server with its steps, which outlive every connection. */
export interface Host {
  machine: Machine
  steps: Map<string, Step>
  tally: Tally
  /** What scripts print before anything else, by the name of their step. */
  prints: Readonly<Record<string, string>>
  /** How long the script of the next step takes. */
  stepMilliseconds(): number
}

/** A command of a session, as sshd got it. */
export interface Command {
  login: string
  commandLine: string
}

/** Does on a channel what the scripts of drivers/ssh/remote do on a server, to its end. */
export async function serveCommand(host: Host, channel: ServerChannel, { login, commandLine }: Command): Promise<void> {
  const gone = new AbortController()
  channel.once('close', () => gone.abort())
  try {
    if (isLook(commandLine)) {
      channel.write(answerLook(host.machine, readLook(commandLine), await text(channel)))
      return end(channel, 0)
    }
    const answer = plainAnswers[commandLine]
    if (answer !== undefined) {
      channel.write(answer)
      return end(channel, 0)
    }
    const call = readCall(commandLine, login)
    const parcel = await readParcel(await firstBytes(channel, call.parcelBytes))
    if (parcel.main === 'stop') stop(host, call)
    else await launch(host, channel, { call, parcel, signal: gone.signal })
    end(channel, 0)
  } catch (error) {
    if (gone.signal.aborted) return // whoever called is gone; the step goes on
    tellViolation(host.tally, `${host.machine.name}: ${String(error)}`)
    channel.stderr.write(`${String(error)}\n`)
    end(channel, 1)
  }
}

/** Of what is asked without a parcel, by the command line. */
const plainAnswers: Readonly<Record<string, string>> = {
  [quote(['printenv', 'SSH_CONNECTION'])]: '10.77.0.1 50000 10.77.0.2 22\n',
  [quote(['sudo', '-n', 'true'])]: '',
}

function end(channel: ServerChannel, exitCode: number): void {
  channel.exit(exitCode)
  channel.end()
}

const keyOf = ({ hash, order, name }: Call): string => `${hash}/${order}-${name}`

function stop({ steps }: Host, call: Call): void {
  steps.set(keyOf(call), stopStep(steps.get(keyOf(call)) ?? null))
}

interface Launch {
  call: Call
  parcel: Extract<Parcel, { main: 'launch' }>
  signal: AbortSignal
}

/** As launch.sh: starts the step unless it runs or has ended, then follows its run from the stored bytes on. */
async function launch(host: Host, channel: ServerChannel, { call, parcel, signal }: Launch): Promise<void> {
  const step = stepOf(host, call, parcel)
  const stored = call.stored.run === step.run ? call.stored : { out: 0, err: 0 }
  const follow = async (stream: 'out' | 'err', to: ServerChannel | ServerChannel['stderr']) => {
    to.write(`${parcel.boundary}${step.run} ${stored[stream]}\n`)
    for await (const bytes of written(step, stream, stored[stream], signal)) to.write(bytes)
  }
  await Promise.all([follow('err', channel.stderr), follow('out', channel)])
  const { exitCode, out, err, result } = step
  channel.write(`${parcel.boundary}${exitCode} ${out.length} ${err.length} ${Buffer.byteLength(result)}\n${result}`)
}

function stepOf({ machine, steps, tally, prints, stepMilliseconds }: Host, call: Call, { parts }: Launch['parcel']): Step {
  const present = steps.get(keyOf(call))
  tally[present ? 'reattached' : 'steps'] += 1
  if (present) return present
  for (const [path, content] of parts.files) machine.files.set(path, idOf(content))
  const answer = (): Promise<Answer> =>
    answerTo(call.name, machine, parts).catch((error: unknown) => {
      const what = `${machine.name}, step ${call.name}: ${String(error)}`
      tellViolation(tally, what)
      return { err: `${what}\n`, exitCode: 1 }
    })
  const step = startStep({ milliseconds: stepMilliseconds(), prints: prints[call.name] ?? '', answer })
  steps.set(keyOf(call), step)
  return step
}

/** Stdin stays open behind them. Rejects where the channel is closed before. */
function firstBytes(channel: ServerChannel, count: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    channel.on('data', (bytes: Buffer) => {
      if (length >= count) return
      chunks.push(bytes)
      length += bytes.length
      if (length >= count) resolve(Buffer.concat(chunks).subarray(0, count))
    })
    channel.once('close', () => reject(new Error('the caller has gone')))
  })
}
