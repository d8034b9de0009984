// When is a first byte late? Learned from what the service does, within bounds that hold always.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { type Milliseconds, ms } from '../foundation/time.ts'
import { hedgesPerSecond, RetryBudget } from './budget.ts'
import { firstByteDeadline, hedgePolicy, isPrompt, lateness } from './hedge.ts'
import { Latencies } from './latency.ts'
import type { HedgeRule } from './model.ts'

suite('latencies', () => {
  const took = fc.double({ min: 0, max: 100_000, noNaN: true })

  test('say a quantile that is at most an eighth too large, and never too small', () => {
    fc.assert(
      fc.property(
        fc.array(took, { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (all, share) => {
          const latencies = new Latencies()
          for (const each of all) latencies.add(each)
          const exact = all.toSorted((a, b) => a - b)[Math.ceil(all.length * share - 1e-9) - 1]!
          const said = latencies.quantile(share)
          assert.ok(said >= exact, `${said} is below ${exact}`)
          assert.ok(said <= exact * 1.125 + 0.125, `${said} is far above ${exact}`)
        },
      ),
    )
  })

  test('take whatever they are given', () => {
    const latencies = new Latencies()
    for (const odd of [-1, 0, 1e9, Number.MAX_SAFE_INTEGER]) latencies.add(odd)
    assert.equal(latencies.weight, 4)
    assert.ok(latencies.quantile(1) > 3_600_000)
  })

  test('forget: what was learned lately weighs most', () => {
    const latencies = new Latencies()
    for (let i = 0; i < 1000; i += 1) latencies.add(5)
    for (let i = 0; i < 10; i += 1) latencies.fade()
    for (let i = 0; i < 100; i += 1) latencies.add(400)
    assert.ok(latencies.quantile(0.5) >= 400)
    for (let i = 0; i < 30; i += 1) latencies.fade()
    assert.equal(latencies.weight, 0)
    assert.equal(latencies.quantile(0.5), 0)
  })
})

suite('the deadline for a first byte', () => {
  const auto: HedgeRule = { after: undefined, share: 0.1, unsafe: false }
  const minute = ms(60_000)
  const learned = (usual: number, weight = 1000) => ({ weight, usual: ms(usual) })
  const of = (usual: number, timeout: Milliseconds = minute): number | undefined =>
    firstByteDeadline(auto, learned(usual), timeout)

  test('follows the latency of the service, between its bounds', () => {
    assert.equal(of(2), hedgePolicy.shortest)
    assert.equal(of(400), 1200)
    assert.equal(of(55_000), hedgePolicy.longest)
    assert.equal(of(5000, ms(4000)), 2000)
  })

  test('is a second while too little is known', () => {
    assert.equal(firstByteDeadline(auto, learned(2, 99), minute), 1000)
  })

  test('is what the file says, if it says so, and none at all when hedging is off', () => {
    assert.equal(firstByteDeadline({ ...auto, after: ms(30) }, learned(400), minute), 30)
    assert.equal(firstByteDeadline({ ...auto, after: minute }, learned(400), minute), undefined)
    assert.equal(firstByteDeadline(undefined, learned(400), minute), undefined)
  })

  test('is never beyond the time after which the server is given up', () => {
    const amounts = fc.nat(1_000_000)
    fc.assert(
      fc.property(
        amounts,
        amounts,
        fc.integer({ min: 1, max: 1_000_000 }),
        (usual, weight, most) => {
          const found = firstByteDeadline(auto, learned(usual, weight), ms(most))
          assert.ok(found !== undefined && found <= most / 2)
        },
      ),
    )
  })
})

suite('a slow moment', () => {
  const after = (answers: readonly boolean[]): number =>
    answers.reduce((before, late) => lateness(before, late), 0)

  test('of a server shows after a few late answers, and passes with prompt ones', () => {
    const late = Array<boolean>(7).fill(true)
    assert.equal(isPrompt(after(late.slice(1))), true)
    assert.equal(isPrompt(after(late)), false)
    assert.equal(isPrompt(after([...late, false])), true)
  })
})

suite('the budget for hedges', () => {
  const taken = (budget: RetryBudget, share: number): number => {
    let count = 0
    while (budget.takeHedge(share)) count += 1
    return count
  }

  test('is a share of all requests, and never more than repeats may be', () => {
    const budget = new RetryBudget()
    budget.requests = 10_000
    assert.equal(taken(budget, 0.05), 500)
    assert.equal(taken(budget, 1), 1500)
    assert.equal(budget.take(), false)
  })

  test('is a few a second where there are few requests', () => {
    const budget = new RetryBudget()
    assert.equal(taken(budget, 0.05), hedgesPerSecond)
    budget.turn(1)
    assert.equal(taken(budget, 0.05), hedgesPerSecond)
  })

  test('leaves repeats what they need', () => {
    const budget = new RetryBudget()
    taken(budget, 0.1)
    let repeats = 0
    while (budget.take()) repeats += 1
    assert.equal(repeats, 40)
  })
})
