// Orders, each placed once: the key that the client chose is the name of a file.

import { createHash, randomUUID } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { formatCart, linesOf, totalOf } from './catalogue.js'

const folder = process.env.ORDERS ?? join(import.meta.dirname, '.orders')
mkdirSync(folder, { recursive: true })

/**
 * Places the order, or finds the one that this key has already placed, at this replica or at
 * another. `kind` is `placed`, `repeated`, or `conflict` when the key was used for something else.
 */
export function placeOrder(key, cart) {
  const name = createHash('sha256').update(key).digest('hex').slice(0, 32)
  const file = join(folder, `${name}.json`)
  const order = {
    number: randomUUID().slice(0, 8),
    cart: formatCart(cart),
    lines: linesOf(cart),
    total: totalOf(cart),
    at: new Date().toISOString(),
  }
  // A link is made by one replica only, and what it names has been written to the end.
  const draft = `${file}.${process.pid}`
  writeFileSync(draft, JSON.stringify(order), { flush: true })
  try {
    linkSync(draft, file)
    return { kind: 'placed', order }
  } catch (thrown) {
    if (thrown.code !== 'EEXIST') throw thrown
    const earlier = JSON.parse(readFileSync(file, 'utf8'))
    return { kind: earlier.cart === order.cart ? 'repeated' : 'conflict', order: earlier }
  } finally {
    unlinkSync(draft)
  }
}
