// Whose turn is it, and who makes room, when more wait than there are places?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { instant, ms } from '../foundation/time.ts'
import { HoldQueue, type Waiter } from './hold.ts'

interface Named extends Waiter {
  readonly name: string
  hasEnded: boolean
}

let time = 0
const waiter = (source: string, name = source, bytes = 1): Named => {
  time += 1
  return { name, source, heldBytes: bytes, heldSince: instant(time), hasEnded: false }
}

const limits = (requests: number) => ({ wait: ms(1e9), requests, bytes: 1000 })

/** All that wait, in the order in which they are let go. */
function drain(hold: HoldQueue<Named>): readonly string[] {
  const order: string[] = []
  for (let next = hold.first(); next !== undefined; next = hold.first()) {
    order.push(next.name)
    hold.remove(next)
  }
  return order
}

suite('clients that wait', () => {
  test('take turns, each with what it sent first', () => {
    const hold = new HoldQueue<Named>(limits(100))
    for (const name of ['a1', 'a2', 'a3', 'b1', 'a4', 'c1', 'c2']) {
      hold.offer(waiter(name[0] ?? '', name))
    }
    assert.deepEqual(drain(hold), ['a1', 'b1', 'c1', 'a2', 'c2', 'a3', 'a4'])
  })

  test('get a place from whoever has most of them, when all are taken', () => {
    const hold = new HoldQueue<Named>(limits(4))
    const dropped: string[] = []
    const offer = (one: Named) => hold.offer(one, ({ name }) => dropped.push(name))
    for (const name of ['a1', 'a2', 'a3', 'a4']) assert.equal(offer(waiter('a', name)), undefined)
    assert.equal(offer(waiter('a', 'a5')), 'full')
    assert.equal(offer(waiter('b', 'b1')), undefined)
    assert.equal(offer(waiter('b', 'b2')), undefined)
    assert.equal(offer(waiter('b', 'b3')), 'full')
    assert.equal(offer(waiter('c', 'c1')), undefined)
    assert.deepEqual(dropped, ['a4', 'a3', 'a2'])
    assert.deepEqual(drain(hold), ['a1', 'b1', 'c1', 'b2'])
  })

  test('go first when another has ended its side: perhaps nobody hears that one', () => {
    const hold = new HoldQueue<Named>(limits(2))
    const [first, second] = [waiter('a', 'gone'), waiter('b', 'there')]
    hold.offer(first)
    hold.offer(second)
    hold.lower(first, () => {
      first.hasEnded = true
    })
    assert.equal(hold.first(), second)
    assert.equal(hold.size, 2)
    const dropped: string[] = []
    assert.equal(
      hold.offer(waiter('b', 'b2'), ({ name }) => dropped.push(name)),
      undefined,
    )
    assert.deepEqual(dropped, ['gone'])
    assert.deepEqual(drain(hold), ['there', 'b2'])
  })

  test('never have more places than there are, and each is let go, dropped or refused', () => {
    const source = fc.constantFrom('a', 'b', 'c', 'd')
    const steps = fc.array(fc.tuple(source, fc.integer({ min: 1, max: 300 }), fc.boolean()))
    fc.assert(
      fc.property(steps, (all) => {
        const hold = new HoldQueue<Named>(limits(5))
        const out = new Set<Named>()
        const offered: Named[] = []
        for (const [from, bytes, ends] of all) {
          const one = waiter(from, from, bytes)
          offered.push(one)
          if (hold.offer(one, (other) => out.add(other)) !== undefined) out.add(one)
          else if (ends) {
            hold.lower(one, () => {
              one.hasEnded = true
            })
          }
          assert.ok(hold.size <= 5 && hold.bytes <= 1000)
        }
        for (let next = hold.first(); next !== undefined; next = hold.first()) {
          assert.ok(hold.has(next) && hold.remove(next))
          assert.ok(!out.has(next))
          out.add(next)
        }
        assert.deepEqual([out.size, hold.size, hold.bytes], [offered.length, 0, 0])
      }),
    )
  })
})
