// The simulated clock and the machine's keep the same promises; the simulated one keeps more.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { clockConformance } from '../../test/conformance/clock.ts'
import { fc } from '../../test/fixtures/properties.ts'
import { instant, ms, openClock } from '../foundation/time.ts'
import { VirtualClock } from './clock.ts'

clockConformance('the virtual clock', () => {
  const clock = new VirtualClock()
  return { clock, pass: async (wait) => clock.run(ms(wait)) }
})

clockConformance("the machine's clock", () => ({
  clock: openClock(),
  pass: (wait) => new Promise((resolve) => setTimeout(resolve, wait)),
}))

test('wakes everybody at exactly their instant, in order, whatever was disposed', () => {
  const waits = fc.array(fc.record({ wait: fc.nat(50), dispose: fc.boolean() }), { maxLength: 60 })
  fc.assert(
    fc.property(waits, (sleepers) => {
      const clock = new VirtualClock()
      const woken: (readonly [at: number, who: number])[] = []
      const timers = sleepers.map(({ wait }, who) =>
        clock.after(ms(wait), () => woken.push([clock.now(), who])),
      )
      sleepers.forEach(({ dispose }, who) => {
        if (dispose) timers[who]![Symbol.dispose]()
      })
      clock.run(ms(50))
      const expected = sleepers
        .map(({ wait, dispose }, who) => ({ wait, dispose, who }))
        .filter(({ dispose }) => !dispose)
        .toSorted((a, b) => a.wait - b.wait || a.who - b.who)
        .map(({ wait, who }) => [wait, who])
      assert.deepEqual(woken, expected)
      assert.equal(clock.next(), undefined)
    }),
  )
})

test('stands where it was told to run to, also when nobody sleeps until then', () => {
  const clock = new VirtualClock(instant(5))
  clock.runUntil(instant(90))
  assert.equal(clock.now(), 90)
  clock.runUntil(instant(10))
  assert.equal(clock.now(), 90, 'time does not run back')
})

test('refuses a wait that never ends', () => {
  const clock = new VirtualClock()
  assert.throws(() => clock.after(ms(Number.NaN), () => {}), /ends/)
  assert.throws(() => clock.after(ms(-1), () => {}), /ends/)
})
