// Which servers are taken over together, in which order, and what is said of those that are not?

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { judge } from './judge.ts'
import type { RunningServer } from './model.ts'
import { nextStep } from './steps.ts'

const limits = { behindMost: { at: 100, words: '100 bytes' } }

const server = (index: number, change: Partial<RunningServer> = {}): RunningServer => ({
  member: `orders-${index}`,
  address: { host: `10.0.0.${index}`, port: 5432 },
  ...{ version: '15.4', series: '15', identity: 'system 7', role: 'replica' },
  ...{ ours: false, prepared: false, follows: { host: '10.0.0.1', port: 5432 } },
  ...{ position: { line: 1, at: 1000 }, receivers: [], folder: `/data/${index}` },
  inherited: { settings: {}, access: [], sockets: [] },
  ...{ changes: [], conflicts: [] },
  ...change,
})

const primary = (change: Partial<RunningServer> = {}): RunningServer =>
  server(1, {
    ...{ role: 'primary', follows: undefined, receivers: ['two', 'three'] },
    ...change,
  })

const said = (...servers: readonly RunningServer[]): readonly string[] =>
  judge({ name: 'orders' }, servers, limits).map(({ what }) => what)

suite('servers that run already', () => {
  test('are taken over if one takes writes and all others receive from it', () => {
    assert.deepEqual(said(primary(), server(2), server(3)), [])
    assert.deepEqual(said(primary({ receivers: [] })), [])
  })

  test('may call one machine by several names', () => {
    const at = { address: { host: '127.0.0.1', port: 5432 }, receivers: ['two'] }
    const follows = { host: '/run/postgresql', port: 5432 }
    assert.deepEqual(said(primary(at), server(2, { follows })), [])
  })

  test('of several versions, or of several clusters, are refused', () => {
    const [version] = said(primary(), server(2), server(3, { version: '16.1', series: '16' }))
    assert.match(version ?? '', /orders-3 \(10.0.0.3:5432\) runs version 16.1, and orders-1 .*15.4/)
    const found = said(primary(), server(2, { identity: 'system 8' }), server(3))
    assert.deepEqual(found.length, 1)
    assert.match(found[0] ?? '', /orders-2 .* is of another cluster than orders-1 .*: system 8/)
  })

  test('without a primary, or with two of them, are refused', () => {
    assert.match(said(server(2), server(3))[0] ?? '', /none of the members of orders takes writes/)
    const second = server(2, { role: 'primary', follows: undefined })
    assert.match(said(primary(), second)[0] ?? '', /orders-1 .* and orders-2 .* both take writes/)
  })

  test('that receive from nobody, from elsewhere or from too far behind are refused', () => {
    const none = server(2, { follows: undefined })
    assert.match(said(primary({ receivers: ['x'] }), none, server(3))[0] ?? '', /from nobody/)
    const other = server(2, { follows: { host: '10.0.0.9', port: 5432 } })
    assert.match(said(primary(), other, server(3))[0] ?? '', /receives from 10.0.0.9:5432, not/)
    const late = server(2, { position: { line: 1, at: 899 } })
    assert.match(said(primary(), late, server(3))[0] ?? '', /too far behind: by 101, and 100 bytes/)
    const near = server(2, { position: { line: 1, at: 900 } })
    assert.deepEqual(said(primary(), near, server(3)), [])
  })

  test('of which one is not named are refused', () => {
    const [found] = said(primary(), server(2))
    assert.match(found ?? '', /2 servers receive from orders-1 .* 1 of them are named here: two/)
  })

  test('are made ready first, then the replicas are taken in turn, and the primary last', () => {
    const step = (member: string, ...servers: readonly RunningServer[]): string => {
      const next = nextStep(member, servers)
      return next.kind === 'wait' ? 'wait' : next.kind
    }
    const all = (...changes: readonly Partial<RunningServer>[]): readonly RunningServer[] => [
      primary(changes[0]),
      server(2, changes[1]),
      server(3, changes[2]),
    ]
    const steps = (...changes: readonly Partial<RunningServer>[]): readonly string[] =>
      ['orders-1', 'orders-2', 'orders-3'].map((name) => step(name, ...all(...changes)))
    const ready = { prepared: true }
    const ours = { prepared: true, ours: true }
    assert.deepEqual(steps(), ['prepare', 'wait', 'wait'])
    assert.deepEqual(steps(ready), ['wait', 'wait', 'wait'])
    assert.deepEqual(steps(ready, ready, ready), ['wait', 'take', 'wait'])
    const away = { ...ours, follows: undefined }
    assert.deepEqual(steps(ready, away, ready).toSpliced(1, 1), ['wait', 'wait'])
    assert.deepEqual(steps(ready, ours, ready).toSpliced(1, 1), ['wait', 'take'])
    assert.equal(steps(ready, ours, ours)[0], 'take')
    assert.equal(step('orders-1', primary({ prepared: true })), 'take')
  })
})
