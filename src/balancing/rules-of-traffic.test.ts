// The pure rules of the data path: repeat, budget, outliers, hold.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { instant, ms } from '../foundation/time.ts'
import { RetryBudget } from './budget.ts'
import { HoldQueue, passed, thawing, type Waiter } from './hold.ts'
import {
  ejected,
  isDue,
  onTrial,
  outlierPolicy,
  type Recent,
  recovered,
  unreachable,
  wellSince,
  whyEject,
} from './outliers.ts'
import { mayRepeat, strikesMost } from './repeat.ts'

suite('a repeat', () => {
  test('is never made of what was sent and may not be executed twice', () => {
    for (const sent of [true, false]) {
      for (const idempotent of [true, false]) {
        for (const bodyKept of [true, false]) {
          for (const answered of [true, false]) {
            for (let strikes = 0; strikes <= strikesMost; strikes += 1) {
              const may = mayRepeat({ sent, idempotent, bodyKept, answered, strikes })
              if (answered || !bodyKept) assert.equal(may, false)
              else if (!sent) assert.equal(may, true)
              else assert.equal(may, idempotent && strikes < strikesMost)
            }
          }
        }
      }
    }
  })
})

suite('a retry budget', () => {
  const taken = (budget: RetryBudget, tries: number): number =>
    Array.from({ length: tries }, () => budget.take()).filter(Boolean).length

  test('allows fifty a second, and a fifth of recent requests', () => {
    const quiet = new RetryBudget()
    assert.equal(taken(quiet, 500), 50)
    quiet.turn(1)
    assert.equal(taken(quiet, 500), 50)
    const busy = new RetryBudget()
    busy.requests = 5000
    assert.equal(taken(busy, 5000), 1000)
  })

  test('forgets what is ten seconds old', () => {
    const budget = new RetryBudget()
    budget.requests = 5000
    budget.turn(9)
    assert.equal(taken(budget, 5000), 1000)
    budget.turn(25)
    assert.equal(taken(budget, 500), 50)
  })
})

suite('an outlier', () => {
  const well: Recent = { ok: 20, bad: 0, streak: 0, late: false }
  const sick: Recent = { ok: 0, bad: 5, streak: 5, late: false }
  const half: Recent = { ok: 8, bad: 8, streak: 1, late: false }
  const why = (seen: Recent, ...siblings: Recent[]) => whyEject(seen, siblings, outlierPolicy)

  test('is told from two servers already', () => {
    assert.match(why(sick, well) ?? '', /5 times in a row/)
    assert.match(why(half, well) ?? '', /8 of its last 16/)
    assert.equal(why(well, sick), undefined)
    assert.equal(why({ ok: 3, bad: 2, streak: 2, late: false }, well), undefined)
  })

  test('is nobody when all fail alike, or nobody is left', () => {
    assert.equal(why(sick), undefined)
    assert.equal(why(sick, sick, half), undefined)
    const counts = { ok: fc.nat(50), bad: fc.nat(50), streak: fc.nat(9) }
    const recent = fc.record({ ...counts, late: fc.boolean() })
    fc.assert(
      fc.property(recent, fc.array(recent, { maxLength: 4 }), (seen, siblings) => {
        const isWell = siblings.some(({ ok, streak }) => ok > 0 && streak === 0)
        if (!isWell) assert.equal(why(seen, ...siblings), undefined)
      }),
    )
  })

  test('stays out longer each time, and is tried by one at a time', () => {
    let standing = wellSince(instant(0))
    const lengths: number[] = []
    for (let i = 0; i < 9; i += 1) {
      standing = ejected(standing, 'x', instant(1000), outlierPolicy)
      lengths.push(standing.kind === 'well' ? 0 : standing.until - 1000)
    }
    assert.deepEqual(lengths, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000])
    assert.equal(isDue(standing, instant(60_999)), false)
    assert.equal(isDue(standing, instant(61_000)), true)
    assert.equal(isDue(onTrial(standing), instant(61_000)), false)
  })

  test('is forgiven when it has been well for long', () => {
    const once = ejected(wellSince(instant(0)), 'x', instant(0), outlierPolicy)
    const twice = ejected(recovered(once, instant(2000)), 'x', instant(3000), outlierPolicy)
    assert.equal(twice.trips, 2)
    const later = ejected(recovered(once, instant(2000)), 'x', instant(99_000), outlierPolicy)
    assert.equal(later.trips, 1)
  })

  test('that cannot be reached is tried again soon, then less often', () => {
    let standing = wellSince(instant(0))
    const lengths: number[] = []
    for (let i = 0; i < 6; i += 1) {
      standing = unreachable(standing, 'x', instant(0), outlierPolicy)
      lengths.push(standing.kind === 'well' ? 0 : standing.until)
    }
    assert.deepEqual(lengths, [100, 200, 400, 800, 1000, 1000])
  })
})

suite('a hold', () => {
  const waiter = (since: number, bytes = 10): Waiter => ({
    heldSince: instant(since),
    heldBytes: bytes,
  })
  const limits = { wait: ms(1000), requests: 5, bytes: 100 }

  test('is bounded in number and in bytes', () => {
    const hold = new HoldQueue<Waiter>(limits)
    assert.equal(hold.offer(waiter(0, 101)), 'too-large')
    for (let i = 0; i < 5; i += 1) assert.equal(hold.offer(waiter(i)), undefined)
    assert.equal(hold.offer(waiter(6)), 'full')
    assert.equal(new HoldQueue<Waiter>({ ...limits, wait: ms(0) }).offer(waiter(0)), 'full')
  })

  test('keeps the place of one that has to wait again', () => {
    const hold = new HoldQueue<Waiter>(limits)
    const [first, second, third] = [waiter(1), waiter(2), waiter(3)]
    for (const one of [first, second]) hold.offer(one)
    hold.remove(first)
    hold.offer(third)
    hold.offer(first)
    const order: unknown[] = []
    for (let next = hold.first(); next !== undefined; next = hold.first()) {
      order.push(next)
      hold.remove(next)
    }
    assert.deepEqual(order, [first, second, third])
  })

  test('counts right and keeps order, whatever happens', () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('offer' as const), bytes: fc.integer({ min: 1, max: 40 }) }),
      fc.record({ kind: fc.constant('take' as const) }),
      fc.record({ kind: fc.constant('leave' as const), at: fc.nat(9) }),
      fc.record({ kind: fc.constant('pass' as const), by: fc.nat(900) }),
    )
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const hold = new HoldQueue<Waiter>(limits)
        let model: Waiter[] = []
        let now = 0
        for (const action of steps) {
          now += 1
          if (action.kind === 'offer') {
            const one = waiter(now, action.bytes)
            const bytes = model.reduce((total, { heldBytes }) => total + heldBytes, 0)
            const fits = model.length < limits.requests && bytes + action.bytes <= limits.bytes
            assert.equal(hold.offer(one) === undefined, fits)
            if (fits) model.push(one)
          } else if (action.kind === 'take') {
            assert.equal(hold.first(), model[0])
            if (model[0] !== undefined) hold.remove(model[0])
            model = model.slice(1)
          } else if (action.kind === 'leave') {
            const one = model[action.at]
            if (one !== undefined) assert.equal(hold.remove(one), true)
            model = model.filter((other) => other !== one)
          } else {
            now += action.by
            const over = model.filter(({ heldSince }) => now - heldSince >= limits.wait)
            assert.deepEqual(hold.expired(instant(now)), over)
            model = model.filter((one) => !over.includes(one))
          }
          assert.equal(hold.size, model.length)
          assert.equal(
            hold.bytes,
            model.reduce((total, { heldBytes }) => total + heldBytes, 0),
          )
        }
      }),
    )
  })

  test('thaws in steps: to thousands at once within a few seconds', () => {
    let thaw = thawing
    assert.ok(thaw.window < 64)
    for (let step = 0; step < 60; step += 1) thaw = passed(thaw)
    assert.ok(thaw.window > 4000)
  })
})
