import { expect, it } from 'vitest'
import { createInbox } from '../../api/inbox.ts'

const open = () => {
  const leaving = new AbortController()
  return { inbox: createInbox<string>({ mostBytes: 10, signal: leaving.signal }), leave: () => leaving.abort() }
}

it('has who tells more than there is room for wait until it is read', async () => {
  const { inbox } = open()
  await inbox.put('one', 6)
  await inbox.put('two', 6)
  let isTaken = false
  const third = inbox.put('three', 6).then(() => (isTaken = true))
  await inbox.changed(10)
  expect({ isTaken, isFull: inbox.isFull() }).toEqual({ isTaken: false, isFull: true })
  expect(inbox.take()).toEqual(['one', 'two'])
  await third
  expect(inbox.take()).toEqual(['three'])
})

it('lets go of who waits when nobody reads any more, and keeps nothing then', async () => {
  const { inbox, leave } = open()
  await inbox.put('one', 10)
  const second = inbox.put('two', 10)
  leave()
  await second
  expect(inbox.take()).toEqual(['one'])
  expect(await inbox.changed(60_000)).toBe('changed')
})

it('tells a change from time that is over', async () => {
  const { inbox } = open()
  expect(await inbox.changed(1)).toBe('overdue')
  const change = inbox.changed(60_000)
  await inbox.put('one', 1)
  expect(await change).toBe('changed')
})
