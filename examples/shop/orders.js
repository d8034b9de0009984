// Orders, each placed once, by the key that the client chose: in a database where there is one.

import { randomUUID } from 'node:crypto'
import { formatCart, linesOf, totalOf } from './catalogue.js'

const { keepOrder, keptOrders } = await (process.env.DATABASE_URL === undefined
  ? import('./orders-in-files.js')
  : import('./orders-in-postgresql.js'))

export { keptOrders }

/**
 * Places the order, or finds the one that this key has already placed, at this replica or at
 * another. `kind` is `placed`, `repeated`, or `conflict` when the key was used for something else.
 */
export async function placeOrder(key, cart) {
  const order = {
    number: randomUUID().slice(0, 8),
    cart: formatCart(cart),
    lines: linesOf(cart),
    total: totalOf(cart),
    at: new Date().toISOString(),
  }
  const kept = await keepOrder(key, order)
  if (kept.number === order.number) return { kind: 'placed', order }
  return { kind: kept.cart === order.cart ? 'repeated' : 'conflict', order: kept }
}
