// Is an old primary found that acknowledges after a new one has?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fc } from '../../../test/fixtures/properties.ts'
import { checkEpochs, isEpochKept } from './epochs.ts'
import type { Acknowledgement } from './model.ts'

const ack = (epoch: number, invoked: number, completed: number): Acknowledgement => ({
  ...{ server: `s${epoch}`, epoch, invoked, completed },
})

/** Each takes effect at its place; epochs only rise; clients overlap. */
const sound = fc
  .array(
    fc.record({ rises: fc.integer({ min: -5, max: 2 }), before: fc.nat(40), after: fc.nat(40) }),
    {
      ...{ minLength: 1, maxLength: 60 },
    },
  )
  .map((all) => {
    let epoch = 1
    return all.map(({ rises, before, after }, index) => {
      epoch += Math.max(0, rises)
      return ack(epoch, index * 10 - before, index * 10 + after)
    })
  })

test('passes primaries that follow each other, with many clients at once', () => {
  fc.assert(
    fc.property(sound, (history) => {
      assert.ok(isEpochKept(checkEpochs(history)))
    }),
    { seed: 5, numRuns: 300 },
  )
})

test('finds exactly those that a comparison of all pairs finds', () => {
  let wrong = 0
  fc.assert(
    fc.property(sound, fc.nat(), fc.nat(600), (history, place, shift) => {
      const moved = history.map((one, index) =>
        index === place % history.length
          ? { ...one, invoked: one.invoked + shift, completed: one.completed + shift }
          : one,
      )
      const expected = moved.filter((late) =>
        moved.some((other) => other.epoch > late.epoch && other.completed < late.invoked),
      )
      wrong += expected.length
      const { late } = checkEpochs(moved)
      assert.deepEqual(new Set(late.map(({ later }) => later)), new Set(expected))
      for (const { earlier, later } of late) {
        assert.ok(earlier.epoch > later.epoch && earlier.completed < later.invoked)
      }
    }),
    { seed: 5, numRuns: 500 },
  )
  assert.ok(wrong > 50, `only ${wrong} were late`)
})

test('allows what was asked for before the next epoch acknowledged', () => {
  assert.ok(isEpochKept(checkEpochs([ack(1, 0, 100), ack(2, 10, 20)])))
  assert.ok(isEpochKept(checkEpochs([ack(2, 10, 20), ack(1, 20, 30)])))
})

test('shows the shortest of several, with what came just before it', () => {
  const history = [ack(3, 0, 1), ack(2, 2, 4), ack(2, 5, 6), ack(1, 7, 8)]
  const { late } = checkEpochs(history)
  assert.deepEqual(late, [
    { earlier: history[0], later: history[1] },
    { earlier: history[2], later: history[3] },
    { earlier: history[0], later: history[2] },
  ])
})

test('finds two servers that acknowledge at one epoch', () => {
  const other = { ...ack(4, 5, 6), server: 'another' }
  const { shared, late } = checkEpochs([ack(4, 0, 10), ack(4, 11, 12), other, ack(5, 20, 21)])
  assert.deepEqual([shared, late], [[{ earlier: other, later: ack(4, 0, 10) }], []])
})
