// A database goes on being decided about once its record can be written again.

import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { now, plan, primary, record, replica } from '../../test/fixtures/database-views.ts'
import type { DecidingBoard } from '../databases/board.ts'
import { openLocalBoard } from '../databases/boards/local.ts'
import { wishOf } from '../databases/wish.ts'
import { instant, ms } from '../foundation/time.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { keepDeciding } from './database-deciding.ts'

test('a record that cannot be written is tried again, and then followed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'ao-alone-'))
  const stop = new AbortController()
  const clock = new VirtualClock(now)
  const board = openLocalBoard(join(folder, 'record.json'), clock)
  const said: string[] = []
  const pass = async (seconds: number): Promise<void> => {
    for (let tick = 0; tick < seconds * 10; tick += 1) {
      for (const seen of [primary(), replica('orders-2'), replica('orders-3')]) {
        await board.tell({ ...seen, receivedAt: seen.receivedAt && clock.now() }, 4, stop.signal)
      }
      clock.run(ms(100))
      await setImmediate()
    }
  }
  try {
    await board.write(record({ version: 1 }), undefined, stop.signal)
    const request = { kind: 'switchover', to: 'orders-2' } as const
    await board.ask((before) => ({ ...before, request }), stop.signal)
    renameSync(folder, `${folder}.gone`)
    const deciding = keepDeciding(
      {
        ...{ board, clock, wish: () => wishOf(plan()) },
        decided: ({ rule }) => said.push(rule),
        event: (rule) => said.push(rule),
      },
      stop.signal,
    )
    await pass(10)
    assert.equal(board.view().record?.phase.kind, 'serving')
    assert.equal(said.filter((rule) => rule === 'decides-no-longer').length, 1, `${said}`)
    const before = said.length
    renameSync(`${folder}.gone`, folder)
    await pass(1)
    assert.notEqual(board.view().record?.version, 1)
    assert.equal(said[before], 'decides-again')
    assert.ok(said.length > before + 1, 'what was decided is said when it is carried out')
    stop.abort(new Error('the test ends'))
    await deciding
  } finally {
    stop.abort(new Error('the test ends'))
    for (const each of [folder, `${folder}.gone`]) rmSync(each, { recursive: true, force: true })
  }
})

test('a board that refuses is not asked all the time, and one out of view not at all', async () => {
  const stop = new AbortController()
  const clock = new VirtualClock(now)
  const said: string[] = []
  let connected = false
  let writes = 0
  const board: DecidingBoard = {
    view: () => ({
      ...{ connected, orders: new Map(), wish: { paused: false, request: undefined } },
      ...{ record: record(), members: [{ ...primary(), heard: instant(now - 60_000) }] },
    }),
    onChange: () => ({ [Symbol.dispose]: () => undefined }),
    tell: async () => true,
    fresh: async () => record(),
    ask: async () => undefined,
    order: () => refuse(),
    write: () => refuse(),
  }
  const refuse = async (): Promise<never> => {
    writes += 1
    throw new Error('no room')
  }
  const pass = async (seconds: number): Promise<void> => {
    for (let tick = 0; tick < seconds * 100; tick += 1) {
      clock.run(ms(10))
      await setImmediate()
    }
  }
  const deciding = keepDeciding(
    {
      ...{ board, clock, wish: () => wishOf(plan()) },
      decided: () => undefined,
      event: (rule, why) => said.push(`${rule}: ${why}`),
    },
    stop.signal,
  )
  try {
    await pass(5)
    assert.equal(writes, 0)
    connected = true
    await pass(5)
    assert.ok(writes >= 8 && writes <= 13, `${writes}`)
    assert.deepEqual(said, ['decides-no-longer: no room'])
  } finally {
    stop.abort(new Error('the test ends'))
    await deciding
  }
})
