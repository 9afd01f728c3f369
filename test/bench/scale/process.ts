import { type Answer, type Order, orderSchema } from './messages.ts'
import { openSimulatedServer } from './server/ssh-server.ts'
import { newTally } from './server/tally.ts'

/** A process of simulated servers: it ends with whoever started it. */
const tally = newTally()
const servers: Answer['servers'] = []

async function obey(order: Order): Promise<void> {
  if (order.order === 'report') return
  for (const wished of order.servers) {
    const { port, hostKey } = await openSimulatedServer(wished, { behaviour: order.behaviour, tally })
    servers.push({ name: wished.name, port, hostKey })
  }
}

process.on('message', (message) => {
  void obey(orderSchema.parse(message)).then(() => process.send?.({ servers, tally } satisfies Answer))
})
process.once('disconnect', () => process.exit())
