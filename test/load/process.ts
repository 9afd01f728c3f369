import { beginMixedLoad } from './mixed-load.ts'
import { orderSchema, type Order } from './messages.ts'
import { createTally } from './tally.ts'

/** The load's own process: it ends with whoever started it. */
const tally = createTally('start')
let load: ReturnType<typeof beginMixedLoad> | null = null

async function obey(order: Order): Promise<void> {
  switch (order.order) {
    case 'start':
      load = beginMixedLoad(order.options, tally)
      return
    case 'mark':
      return tally.mark(order.name)
    case 'report':
      return
    case 'stop':
      return load?.end()
    default:
      return order satisfies never
  }
}

process.on('message', (message) => {
  const order = orderSchema.parse(message)
  void obey(order).then(() => process.send?.({ id: order.id, report: tally.report() }))
})
process.once('disconnect', () => process.exit())
