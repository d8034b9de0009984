// A limit shared by edges: never exceeded, whatever comes late, and nobody starves.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { fc } from '../../test/fixtures/properties.ts'
import { fairShares, fresh, type Holding, hear, reshare, tell } from './leases.ts'

const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0)

suite('a shared limit', () => {
  test('is given out whole, to each what it needs or a fair part', () => {
    const needs = fc.array(fc.nat(50), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 80 }), needs, fc.nat(9), (limit, wants, turn) => {
        const given = fairShares(limit, wants, turn)
        assert.equal(sum(given), limit)
        const fair = Math.floor(limit / wants.length)
        for (const [i, want] of wants.entries()) assert.ok(given[i]! >= Math.min(want, fair))
      }),
    )
    assert.deepEqual(fairShares(10, [1, 50], 0), [1, 9])
    assert.deepEqual(fairShares(4, [0, 0], 0), [2, 2])
  })

  test('goes round when there is less of it than edges that want it', () => {
    const turns = [0, 1, 2, 3].map((turn) => fairShares(1, [5, 100], turn))
    assert.deepEqual(turns, [
      [1, 0],
      [0, 1],
      [1, 0],
      [0, 1],
    ])
  })

  test('is never exceeded, however late anything is heard', () => {
    /** An edge: what it goes by, what it has, and the messages on their way to and from it. */
    class Edge {
      limit = 0
      active = 0
      waiting = 0
      readonly inbox: number[] = []
      readonly outbox: { limit: number; active: number; waiting: number }[] = []
      holding: Holding = fresh
    }
    const step = fc.record({
      edge: fc.nat(2),
      what: fc.constantFrom('ask', 'ask', 'end', 'receive', 'report', 'hear', 'share'),
    })
    const run = fc.tuple(fc.integer({ min: 1, max: 7 }), fc.array(step, { maxLength: 300 }))
    fc.assert(
      fc.property(run, ([limit, steps]) => {
        const edges = [new Edge(), new Edge(), new Edge()]
        steps.forEach(({ edge: number, what }, turn) => {
          const edge = edges[number]!
          const admit = (): void => {
            while (edge.waiting > 0 && edge.active < edge.limit) {
              edge.waiting -= 1
              edge.active += 1
            }
          }
          if (what === 'ask') edge.waiting += 1
          else if (what === 'end') edge.active = Math.max(0, edge.active - 1)
          else if (what === 'receive') edge.limit = edge.inbox.shift() ?? edge.limit
          else if (what === 'report') {
            edge.outbox.push({ limit: edge.limit, active: edge.active, waiting: edge.waiting })
          } else if (what === 'hear') {
            const report = edge.outbox.shift()
            if (report !== undefined) edge.holding = hear(edge.holding, report)
          } else {
            const holdings = edges.map(({ holding }) => holding)
            reshare(limit, holdings, turn).forEach((told, i) => {
              const one = edges[i]!
              if (told === one.holding.told) return
              one.holding = tell(one.holding, told)
              one.inbox.push(told)
            })
          }
          admit()
          assert.ok(sum(edges.map(({ active }) => active)) <= limit)
        })
      }),
      { numRuns: 500 },
    )
  })

  test('reaches every edge that waits', () => {
    const edges = [0, 1, 2].map(() => ({ limit: 0, waiting: 20, served: 0, holding: fresh }))
    for (let turn = 0; turn < 200; turn += 1) {
      const told = reshare(
        1,
        edges.map(({ holding }) => holding),
        turn,
      )
      edges.forEach((edge, i) => {
        if (told[i] !== edge.holding.told) {
          edge.holding = tell(edge.holding, told[i]!)
          edge.limit = told[i]!
        }
        // It serves what it may between two looks, and has nothing in flight at the next one.
        if (edge.limit > 0 && edge.waiting > 0) {
          edge.waiting -= 1
          edge.served += 1
        }
        const { limit, waiting } = edge
        edge.holding = hear(edge.holding, { limit, active: 0, waiting })
      })
    }
    assert.deepEqual(
      edges.map(({ served }) => served),
      [20, 20, 20],
    )
  })
})
