// What every Clock promises: the machine's and the simulated one pass the same suite.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Clock, ms, since, sleep } from '../../src/foundation/time.ts'

/** A clock and a way to let time pass on it. */
export interface ClockUnderTest {
  readonly clock: Clock
  /** Resolves when `wait` has passed on this clock. */
  pass(wait: number): Promise<void>
}

/** The promises of a Clock. */
export function clockConformance(name: string, open: () => ClockUnderTest): void {
  suite(`${name} is a Clock`, () => {
    test('never runs backwards', async () => {
      const { clock, pass } = open()
      let last = clock.now()
      for (let turn = 0; turn < 50; turn += 1) {
        const now = clock.now()
        assert.ok(now >= last)
        last = now
        if (turn % 10 === 0) await pass(1)
      }
    })

    test('wakes once, and not before the wait is over', async () => {
      const { clock, pass } = open()
      const began = clock.now()
      const woken: number[] = []
      clock.after(ms(20), () => woken.push(since(began, clock.now())))
      assert.deepEqual(woken, [], 'nobody is woken within the call')
      await pass(60)
      assert.equal(woken.length, 1)
      // Timers of the machine may wake up to a millisecond early (setTimeout rounds down).
      assert.ok(woken[0]! >= 19, `woke after ${woken[0]} ms`)
    })

    test('does not wake whoever was disposed, nor minds being told twice', async () => {
      const { clock, pass } = open()
      const woken: string[] = []
      const timer = clock.after(ms(5), () => woken.push('disposed'))
      clock.after(ms(10), () => woken.push('other'))
      timer[Symbol.dispose]()
      timer[Symbol.dispose]()
      await pass(40)
      assert.deepEqual(woken, ['other'])
      timer[Symbol.dispose]()
    })

    test('wakes a wait of nothing, but later than the call', async () => {
      const { clock, pass } = open()
      let woken = false
      clock.after(ms(0), () => {
        woken = true
      })
      assert.equal(woken, false)
      await pass(20)
      assert.equal(woken, true)
    })

    test('wakes in the order of the waits, and of the calls where they are equal', async () => {
      const { clock, pass } = open()
      const order: number[] = []
      for (const wait of [30, 10, 30, 20, 10]) clock.after(ms(wait), () => order.push(wait))
      const equal: string[] = []
      for (const who of ['a', 'b', 'c']) clock.after(ms(15), () => equal.push(who))
      await pass(80)
      assert.deepEqual(order, [10, 10, 20, 30, 30])
      assert.deepEqual(equal, ['a', 'b', 'c'])
    })

    test('lets a waker wait again', async () => {
      const { clock, pass } = open()
      let turns = 0
      const again = (): void => {
        turns += 1
        if (turns < 3) clock.after(ms(5), again)
      }
      clock.after(ms(5), again)
      for (let waited = 0; turns < 3 && waited < 1_000; waited += 1) await pass(5)
      await pass(20)
      assert.equal(turns, 3)
    })

    test('ends a sleep early with the reason of its signal', async () => {
      const { clock, pass } = open()
      const stop = new AbortController()
      const asleep = sleep(clock, ms(10_000), stop.signal)
      const reason = new Error('enough')
      stop.abort(reason)
      await assert.rejects(asleep, (thrown) => thrown === reason)
      await assert.rejects(sleep(clock, ms(1), stop.signal), (thrown) => thrown === reason)
      await pass(1)
    })
  })
}
