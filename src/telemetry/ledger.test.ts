// Sums over the lives of edges: they only grow, whoever dies.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import type { EdgeMeters } from '../balancing/meters/model.ts'
import { Histogram } from '../control/histogram.ts'
import { Ledger } from './ledger.ts'

const spread = (...lengths: readonly number[]) => {
  const histogram = new Histogram()
  for (const length of lengths) histogram.add(length)
  return histogram.spread
}

const meters = (
  requests: readonly number[],
  endings: Readonly<Record<string, number>> = {},
): EdgeMeters => ({
  lateness: spread(...requests),
  requests: [
    { frontend: 'public', service: 'web', method: 'GET', status: 200, time: spread(...requests) },
  ],
  frontends: {
    public: {
      ...{ accepted: requests.length, turnedAway: 0, requests: requests.length, held: 0 },
      ...{ answers: [0, 0, requests.length, 0, 0, 0], redispatched: 0, bytesIn: 7, bytesOut: 9 },
      ...{ endings, logged: 0, logLost: 0 },
    },
  },
  services: { web: { held: spread(), overBudget: 0, ejections: 0 } },
  servers: {},
})

const count = (ledger: Ledger): number =>
  new Histogram().merge([...ledger.totals.requests.values()][0]!.time).count

suite('a ledger', () => {
  test('adds up what several edges count, each from its own start', () => {
    const ledger = new Ledger()
    ledger.hear('a', meters([1, 2]))
    ledger.hear('b', meters([3]))
    ledger.hear('a', meters([1, 2, 4]))
    assert.equal(count(ledger), 4)
    assert.deepEqual(ledger.totals.frontends.get('public')?.answers, [0, 0, 4, 0, 0, 0])
    const [series] = [...ledger.totals.requests.values()]
    assert.deepEqual([series?.status, series?.method, series?.time.sum], [200, 'GET', 10])
  })

  test('never goes back when an edge dies and another begins at zero', () => {
    const ledger = new Ledger()
    ledger.hear('a', meters([1, 2], { done: 2, silent: 1 }))
    ledger.hear('c', meters([9], { done: 1 }))
    assert.equal(count(ledger), 3)
    assert.deepEqual(ledger.totals.frontends.get('public')?.endings, { done: 3, silent: 1 })
  })

  test('takes a count that fell for one that began anew', () => {
    const ledger = new Ledger()
    ledger.hear('a', meters([1, 2, 3]))
    ledger.hear('a', meters([5]))
    assert.equal(count(ledger), 4)
  })

  test('hears the same words twice without counting them twice', () => {
    const ledger = new Ledger()
    for (let time = 0; time < 3; time += 1) ledger.hear('a', meters([1], { done: 1 }))
    assert.equal(count(ledger), 1)
    assert.equal(ledger.totals.frontends.get('public')?.bytesIn, 7)
  })

  test('forgets what is no more, and keeps the requests it had', () => {
    const ledger = new Ledger()
    ledger.hear('a', meters([1]))
    ledger.keep(() => false)
    assert.equal(ledger.totals.frontends.size, 0)
    assert.equal(count(ledger), 1)
  })
})
