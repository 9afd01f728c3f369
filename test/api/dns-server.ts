import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type Answer, decode, encode } from 'dns-packet'

/** A DNS server for names of the test. */
export interface TestDns {
  /** `address:port` */
  address: string
  /** Its records from now on, as `name type` → values; null: it fails whoever asks (SERVFAIL). */
  records: Record<string, string[]> | null
  close(): void
}

const nameError = 3
const serverFailure = 2

/** Serves on a free UDP port of 127.0.0.1. */
export async function startDns(): Promise<TestDns> {
  const socket = createSocket('udp4').bind(0, '127.0.0.1')
  await once(socket, 'listening')
  const dns: TestDns = { address: `127.0.0.1:${socket.address().port}`, records: {}, close: () => socket.close() }
  socket.on('message', (message, { address, port }) => {
    const { id = 0, questions = [] } = decode(message)
    const answers = questions.flatMap(({ name, type }): Answer[] =>
      (dns.records?.[`${name} ${type}`] ?? []).map((data) => ({ name, type: type as 'A', ttl: 0, data })),
    )
    const code = answers.length > 0 ? 0 : nameError
    socket.send(encode({ id, type: 'response', flags: dns.records === null ? serverFailure : code, questions, answers }), port, address)
  })
  return dns
}
