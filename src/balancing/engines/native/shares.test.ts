// The shares of edges in a server's limit, as an engine hands them out.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { serverRow, tableOf } from '../../../../test/support/edge-bed.ts'
import type { EdgeReport } from '../../model.ts'
import { Shares } from './shares.ts'

const table = tableOf(1, [{ ...serverRow('web-1', 80), maxConnections: 1 }], {})

/** What an edge says after it has taken a table. */
const reportOf = (limit: number, active = 0, waiting = 0): EdgeReport => ({
  ...{ edge: 1, table: 1, frontends: {} },
  servers: {
    'web-1': {
      ...{ active, requests: 0, refused: 0, reset: 0, timedOut: 0, errors: 0, late: 0 },
      ...{ ejected: undefined, limit },
    },
  },
  ...(waiting === 0 ? {} : { waiting: { web: waiting } }),
})

suite('shares of a limit', () => {
  const limitIn = (shares: Shares<object>, edge: object): number | undefined =>
    shares.tableFor(edge, table).pools[0]?.servers[0]?.maxConnections

  test('go to the edge that has requests waiting, once the other has let go', () => {
    const shares = new Shares<object>()
    const [a, b] = [{}, {}]
    for (const edge of [a, b]) shares.begin(edge)
    assert.equal(shares.reshare([a, b], table, 0).size, 1)
    assert.deepEqual([limitIn(shares, a), limitIn(shares, b)], [1, 0])
    shares.hear(a, reportOf(1, 1), table)
    shares.hear(b, reportOf(0, 0, 3), table)
    const told = shares.reshare([a, b], table, 200)
    assert.deepEqual([told.has(a), told.has(b)], [true, false])
    assert.deepEqual([limitIn(shares, a), limitIn(shares, b)], [0, 0])
    shares.hear(a, reportOf(0, 1), table)
    assert.equal(shares.reshare([a, b], table, 200).size, 0)
    shares.hear(a, reportOf(0), table)
    assert.ok(shares.reshare([a, b], table, 200).has(b))
    assert.equal(limitIn(shares, b), 1)
  })

  test('are wanted no more once the limit is lifted', () => {
    const shares = new Shares<object>()
    const edge = {}
    shares.begin(edge)
    shares.reshare([edge], table, 0)
    shares.hear(edge, reportOf(1, 1, 3), table)
    assert.equal(shares.isWanted, true)
    shares.reshare([edge], tableOf(2, [serverRow('web-1', 80)], {}), 200)
    assert.equal(shares.isWanted, false)
  })

  test('of an edge that was adopted are its own until it has spoken', () => {
    const shares = new Shares<object>()
    const [adopted, started] = [{}, {}]
    shares.begin(started)
    shares.reshare([adopted, started], table, 0)
    assert.deepEqual([limitIn(shares, adopted), limitIn(shares, started)], [0, 0])
    shares.hear(adopted, reportOf(1, 1), table)
    assert.equal(shares.reshare([adopted, started], table, 0).size, 0)
    shares.hear(adopted, reportOf(0), table)
    assert.equal(shares.reshare([adopted, started], table, 0).size, 1)
    shares.forget(adopted)
    shares.hear(started, reportOf(limitIn(shares, started)!), table)
    shares.reshare([started], table, 0)
    assert.equal(limitIn(shares, started), 1)
  })
})
