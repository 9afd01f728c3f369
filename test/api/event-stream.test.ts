import { pino } from 'pino'
import { expect, it } from 'vitest'
import { encodeEvent, eventStream } from '../../api/event-stream.ts'

const log = pino({ level: 'silent' })
const events = async function* () {
  yield encodeEvent({ event: 'logs', id: '5', data: ['one'] })
  yield encodeEvent({ event: 'end', data: { status: 'succeeded' } })
}

it('says when to come back, not the same to all, then each event', async () => {
  const texts: string[] = []
  for await (const bytes of eventStream(events(), { log, cutOff: () => expect.unreachable() })) texts.push(Buffer.from(bytes).toString())
  expect(texts).toEqual([
    expect.stringMatching(/^retry: [123]\d{3}\n\n$/),
    'event: logs\nid: 5\ndata: ["one"]\n\n',
    'event: end\ndata: {"status":"succeeded"}\n\n',
  ])
})

it('has a client cut off who takes nothing', async () => {
  let cutOff = () => {}
  const isCutOff = new Promise<void>((resolve) => (cutOff = resolve))
  const stream = eventStream(events(), { log, cutOff, stalledSeconds: 0.05 })
  await stream.next()
  await stream.next()
  await isCutOff
  await stream.return(undefined)
})
