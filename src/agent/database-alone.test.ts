// A database of one machine goes on being decided about once its record can be written again.

import assert from 'node:assert/strict'
import { mkdtempSync, renameSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { now, plan, primary, record, replica } from '../../test/fixtures/database-views.ts'
import { openLocalBoard } from '../databases/boards/local.ts'
import { wishOf } from '../databases/wish.ts'
import { ms } from '../foundation/time.ts'
import { VirtualClock } from '../simulation/clock.ts'
import { decideAlone } from './database-alone.ts'

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
    const deciding = decideAlone(
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
