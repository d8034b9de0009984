// What is known of the pieces of a log is little, is read once, and keeps nobody else waiting.

import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { format, gtid, logOf, rows, transaction } from '../../../../test/fixtures/mariadb-log.ts'
import type { BackupStore } from '../../backups/store.ts'
import { openFolderStore } from '../../backups/stores/folder.ts'
import { readGroups } from '../mariadb/log-chain.ts'
import { partsIn } from './chain-cut.ts'
import { closeLeft } from './left-pieces.ts'
import { growingKey, headKey, Times, timesKey, wholeBytes, wholeKey } from './log-pieces.ts'
import { KnownPieces, type Outline } from './outline.ts'

const never = new AbortController().signal
const source = '0-129-'
const name = '00000001'

interface Stage extends Disposable {
  /** Counts how many bytes of pieces were read. */
  readonly store: BackupStore
  bytesRead(): number
  write(key: string, bytes: Buffer | string): void
}

function openStage(): Stage {
  const folder = mkdtempSync(join(tmpdir(), 'ao-outline-'))
  mkdirSync(join(folder, 'log'))
  const inner = openFolderStore(folder)
  let count = 0
  const write = (key: string, bytes: Buffer | string): void =>
    writeFileSync(join(folder, key), bytes)
  write(headKey(name), JSON.stringify({ after: `${source}4` }))
  const store = Object.assign(Object.create(inner) as BackupStore, {
    place: folder,
    list: inner.list.bind(inner),
    put: inner.put.bind(inner),
    remove: inner.remove.bind(inner),
    open(key: string) {
      if (key === wholeKey(name)) count += 1_000_000
      return inner.open(key)
    },
    async read(key: string, from?: number) {
      const bytes = await inner.read(key, from)
      if (key === growingKey(name)) count += bytes?.length ?? 0
      return bytes
    },
  })
  return {
    ...{ store, write, bytesRead: () => count },
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  }
}

/** Whole transactions from the fifth to this one. */
const upTo = (last: number): readonly Buffer[] =>
  Array.from({ length: last - 4 }, (_, at) => transaction(5 + at)).flat()

const begun = [gtid(99), rows()]

suite('the outline of a piece', () => {
  test('is read on from where it was, and not at all where nothing came', async () => {
    using stage = openStage()
    const pieces = new KnownPieces(readGroups)
    const first = logOf(format(true), ...upTo(6), ...begun.slice(0, 1))
    stage.write(growingKey(name), first)
    const [before] = await pieces.all(stage.store)
    assert.deepEqual(before?.runs, [{ source, first: 5, last: 6 }])
    assert.equal(before.after, `${source}4`)
    assert.equal(stage.bytesRead(), first.length)
    await pieces.all(stage.store)
    assert.equal(stage.bytesRead(), first.length)
    const second = logOf(format(true), ...upTo(9))
    stage.write(growingKey(name), second)
    const [after] = await pieces.all(stage.store)
    assert.deepEqual(after?.runs, [{ source, first: 5, last: 9 }])
    assert.equal(after.end, second.length)
    assert.equal(stage.bytesRead(), first.length + second.length - before.end)
    // What was given out before is what it was.
    assert.deepEqual(before.runs, [{ source, first: 5, last: 6 }])
  })

  test('takes little, and lets others have their turn while it is read', async () => {
    using stage = openStage()
    stage.write(growingKey(name), logOf(format(true), ...upTo(10_004)))
    let [turns, isOver] = [0, false]
    const count = (): void => {
      turns += 1
      if (!isOver) setImmediate(count)
    }
    setImmediate(count)
    const ready = new KnownPieces(readGroups).all(stage.store)
    await stage.store.read(growingKey(name))
    const before = turns
    const [outline] = await ready
    isOver = true
    assert.ok(turns - before >= 4, String(turns - before))
    assert.ok(JSON.stringify(outline).length < 200, JSON.stringify(outline))
  })
})

test('a piece left growing is closed behind its last transaction, and read once', async () => {
  using stage = openStage()
  const whole = logOf(format(true), ...upTo(7))
  stage.write(growingKey(name), Buffer.concat([whole, ...begun]))
  const pieces = new KnownPieces(readGroups)
  await pieces.all(stage.store)
  await closeLeft(stage.store, readGroups, never)
  assert.deepEqual(await wholeBytes(stage.store, name), whole)
  assert.equal(await stage.store.read(growingKey(name)), undefined)
  const [outline] = await pieces.all(stage.store)
  assert.equal(outline?.isWhole, true)
  assert.deepEqual(outline.runs, [{ source, first: 5, last: 7 }])
  const before = stage.bytesRead()
  await pieces.all(stage.store)
  await closeLeft(stage.store, readGroups, never)
  assert.equal(stage.bytesRead(), before)
})

test('one of which nothing came is closed, too', async () => {
  using stage = openStage()
  for (const left of [Buffer.alloc(0), logOf(format(true)), logOf(format(true), ...begun)]) {
    stage.write(growingKey(name), left)
    await closeLeft(stage.store, readGroups, never)
    const most = logOf(format(true)).length
    assert.deepEqual(await wholeBytes(stage.store, name), left.subarray(0, most))
    await stage.store.remove(wholeKey(name))
  }
})

test('the transactions of a part are found, with when their line says they came', async () => {
  using stage = openStage()
  const bytes = logOf(format(true), ...upTo(8))
  stage.write(growingKey(name), bytes)
  const ends = [...readGroups((from, to) => bytes.subarray(from, to), 0)].map(({ to }) => to)
  stage.write(timesKey(name), `${ends[0]} 100\n${ends[2]} 300\n`)
  const piece = { name } as Outline
  const read = partsIn(stage.store, readGroups)
  const { groups, begin } = await read({ piece, runs: [{ source, first: 6, last: 8 }] })
  assert.equal(begin, logOf(format(true)).length)
  assert.deepEqual(
    groups.map(({ gtid: each, to, at }) => [each, to, at]),
    [
      [`${source}6`, ends[1], 300],
      [`${source}7`, ends[2], 300],
      [`${source}8`, ends[3], Number.POSITIVE_INFINITY],
    ],
  )
})

test('times are found in the order of offsets, past lines that say nothing', () => {
  const times = new Times('10 1\n\nx y\n20 2\n30 3\n')
  assert.deepEqual(
    [5, 10, 11, 20, 21, 31].map((offset) => times.at(offset)),
    [1, 1, 2, 2, 3, Number.POSITIVE_INFINITY],
  )
})
