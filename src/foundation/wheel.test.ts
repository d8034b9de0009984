// The wheel is a clock, whose long waits end together.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { clockConformance } from '../../test/conformance/clock.ts'
import { fc } from '../../test/fixtures/properties.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { type Clock, ms, openClock } from './time.ts'
import { openWheel } from './wheel.ts'

clockConformance('the wheel on a virtual clock', () => {
  const clock = new VirtualClock()
  return { clock: openWheel(clock, ms(1)), pass: async (wait) => clock.run(ms(wait)) }
})

clockConformance("the wheel on the machine's clock", () => ({
  clock: openWheel(openClock(), ms(2)),
  pass: (wait) => new Promise((resolve) => setTimeout(resolve, wait)),
}))

/** A clock that counts how often it woke anybody. */
function counting(clock: Clock): Clock & { readonly awakenings: () => number } {
  let awakenings = 0
  return {
    now: () => clock.now(),
    after: (wait, wake) =>
      clock.after(wait, () => {
        awakenings += 1
        wake()
      }),
    awakenings: () => awakenings,
  }
}

suite('a wheel', () => {
  test('wakes everybody once, never early, and at most a step late', () => {
    const waits = fc.array(fc.record({ wait: fc.nat(900), dispose: fc.boolean() }))
    fc.assert(
      fc.property(waits, (sleepers) => {
        const clock = new VirtualClock()
        const wheel = openWheel(clock, ms(10))
        const woken = new Map<number, number>()
        const timers = sleepers.map(({ wait }, who) =>
          wheel.after(ms(wait), () => {
            assert.ok(!woken.has(who))
            woken.set(who, clock.now())
          }),
        )
        sleepers.forEach(({ dispose }, who) => {
          if (dispose) timers[who]![Symbol.dispose]()
        })
        clock.run(ms(1000))
        sleepers.forEach(({ wait, dispose }, who) => {
          const at = woken.get(who)
          if (dispose) assert.equal(at, undefined)
          else assert.ok(at! >= wait && at! < wait + 10, `${wait} woke at ${at}`)
        })
        assert.equal(clock.next(), undefined, 'nothing is left to be woken for')
      }),
    )
  })

  test('wakes a thousand that wait for the same second with a hundred awakenings', () => {
    const machine = new VirtualClock()
    const clock = counting(machine)
    const wheel = openWheel(clock, ms(10))
    let woken = 0
    for (let n = 0; n < 1000; n += 1) {
      wheel.after(ms(500 + n), () => {
        woken += 1
      })
    }
    machine.run(ms(2000))
    assert.equal(woken, 1000)
    assert.ok(clock.awakenings() <= 101, `${clock.awakenings()} awakenings`)
  })

  test('wakes those of one step in the order in which they are due, equals as they came', () => {
    const clock = new VirtualClock()
    const wheel = openWheel(clock, ms(10))
    const woken: string[] = []
    const sleepers = { late: 508, first: 502, between: 505.5, second: 502 }
    for (const [name, wait] of Object.entries(sleepers)) {
      wheel.after(ms(wait), () => void woken.push(name))
    }
    clock.run(ms(600))
    assert.deepEqual(woken, ['first', 'second', 'between', 'late'])
  })

  test('lets one that is woken wait again, and dispose another of its step', () => {
    const clock = new VirtualClock()
    const wheel = openWheel(clock, ms(10))
    const woken: string[] = []
    wheel.after(ms(300), () => {
      woken.push('first')
      second[Symbol.dispose]()
      wheel.after(ms(300), () => woken.push('again'))
    })
    const second = wheel.after(ms(300), () => woken.push('second'))
    clock.run(ms(1000))
    assert.deepEqual(woken, ['first', 'again'])
  })

  test('goes on after one that it woke has thrown', () => {
    const clock = new VirtualClock()
    const wheel = openWheel(clock, ms(10))
    let woken = false
    wheel.after(ms(300), () => {
      throw new Error('a mistake')
    })
    wheel.after(ms(400), () => {
      woken = true
    })
    assert.throws(() => clock.run(ms(350)), /a mistake/)
    clock.run(ms(100))
    assert.ok(woken)
  })
})
