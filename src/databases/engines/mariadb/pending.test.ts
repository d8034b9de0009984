// What is kept of the logs of a primary that crashed, and when it may count as what it has.

import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import {
  checkpoint,
  format,
  gtidList,
  logOf,
  server,
  transaction,
} from '../../../../test/fixtures/mariadb-log.ts'
import { writeMark } from '../mysql-kin/data-folder.ts'
import { Logs } from './logs.ts'
import { dropPending, keepPending, pendingAfter, pendingLogs, withPending } from './pending.ts'

/** A log: what the ones before it ended with, its own, and where it says that is unfinished. */
interface Log {
  readonly name: string
  readonly after: number
  readonly seqs: readonly number[]
  readonly checkpoint?: string
  readonly open?: boolean
}

const bytesOf = ({ after, seqs, checkpoint: from, open = false }: Log): Buffer =>
  logOf(
    format(open),
    gtidList(...(after === 0 ? [] : [after])),
    ...(from === undefined ? [] : [checkpoint(from)]),
    ...seqs.flatMap(transaction),
  )

function write(folder: string, logs: readonly Log[]): void {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'binlog.index'), logs.map(({ name }) => `./${name}\n`).join(''))
  for (const log of logs) writeFileSync(join(folder, log.name), bytesOf(log))
  writeMark(folder, { database: 'orders', identity: 'one', version: '10.11.0', waits: true })
}

/** A member that has crashed with these logs, the second one of its database. */
class Crashed implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), 'ao-pending-'))
  readonly options = { data: join(this.#folder, 'data'), aside: join(this.#folder, 'aside') }
  readonly index = 1
  readonly pending = join(this.options.aside, 'pending')

  constructor(...logs: readonly Log[]) {
    this.has(...logs)
  }

  has(...logs: readonly Log[]): void {
    write(this.options.data, logs)
  }

  keep(): boolean {
    return keepPending(this, new Logs(this.options.data))
  }

  kept(): readonly string[] {
    return existsSync(this.pending) ? readdirSync(this.pending).toSorted() : []
  }

  /** The numbers that would be repeated of one that is at `seq`; undefined: nothing may be. */
  after(seq: number): readonly number[] | undefined {
    const parts = pendingAfter(pendingLogs(this).series('binlog'), position(seq))
    return parts?.flatMap(({ groups }) => groups.map(({ gtid }) => gtid.seq))
  }

  /** How far one that is at `seq` is with what is kept. */
  claimedAt(seq: number): number {
    return withPending(pendingLogs(this), position(seq)).at
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

const position = (seq: number) => ({ line: Math.floor(server / 64), at: seq })

const older: Log = { name: 'binlog.000003', after: 0, seqs: [1, 2, 3] }
const full: Log = { name: 'binlog.000004', after: 3, seqs: [4, 5, 6] }
const newest: Log = {
  ...{ name: 'binlog.000005', after: 6, seqs: [7], checkpoint: full.name, open: true },
}

suite('what a crashed primary keeps', () => {
  test('is the newest log where nothing unfinished is in any other', () => {
    using member = new Crashed(older, full, { ...newest, checkpoint: newest.name })
    assert.equal(member.keep(), true)
    assert.deepEqual(member.kept(), ['binlog.000005', 'binlog.index'])
    assert.deepEqual(member.after(6), [7])
    assert.equal(member.claimedAt(6), 7)
  })

  test('is every log that the start may cut back', () => {
    using member = new Crashed(older, full, newest)
    assert.equal(member.keep(), true)
    assert.deepEqual(member.kept(), ['binlog.000004', 'binlog.000005', 'binlog.index'])
    assert.deepEqual(member.after(5), [6, 7])
    assert.equal(member.claimedAt(5), 7)
    assert.deepEqual(member.after(7), [])
    assert.equal(member.claimedAt(7), 7)
  })

  test('is there also where the newest log has nothing in it yet', () => {
    using member = new Crashed(older, full, { ...newest, seqs: [] })
    assert.equal(member.keep(), true)
    assert.deepEqual(member.after(5), [6])
    assert.equal(member.claimedAt(5), 6)
  })

  test('is nothing of a log that ended well, or is another’s to the end', () => {
    using ended = new Crashed(older, { ...newest, open: false })
    assert.equal(ended.keep(), false)
    using empty = new Crashed(older, { ...newest, after: 3, seqs: [], checkpoint: newest.name })
    assert.equal(empty.keep(), false)
    const replica = { options: ended.options, index: 0 }
    ended.has(full, newest)
    assert.equal(keepPending(replica, new Logs(ended.options.data)), false)
    assert.deepEqual(ended.kept(), [])
  })

  test('stays when the log has been cut back, also by half', () => {
    using member = new Crashed(older, full, newest)
    member.keep()
    member.has(older, { ...full, open: true, checkpoint: full.name })
    assert.equal(member.keep(), true)
    member.has(older, { ...full, seqs: [4, 5], open: true, checkpoint: full.name })
    assert.equal(member.keep(), true)
    assert.deepEqual(member.after(5), [6, 7])
  })

  test('is made anew of the whole log where it was not finished', () => {
    using member = new Crashed(older, full, newest)
    const draft = `${member.pending}.new`
    mkdirSync(draft, { recursive: true })
    writeFileSync(join(draft, 'binlog.000002'), 'half')
    // As an earlier version left it: one log, and its name before it was there whole.
    write(member.pending, [{ ...newest, seqs: [] }])
    assert.equal(member.keep(), true)
    assert.deepEqual(member.kept(), ['binlog.000004', 'binlog.000005', 'binlog.index'])
    assert.ok(!existsSync(draft))
    dropPending(member)
    assert.deepEqual(readdirSync(member.options.aside), [])
  })
})

suite('what is kept does not count', () => {
  test('where what went before it is lost, and nothing more is cut off then', () => {
    using member = new Crashed(older, { ...full, seqs: [4, 5], open: true })
    // Of an earlier version, which kept the newest log alone.
    write(member.pending, [newest])
    assert.equal(member.after(5), undefined)
    assert.equal(member.claimedAt(5), 5)
    assert.equal(member.keep(), false)
    assert.deepEqual(member.after(6), [7])
  })

  test('where a log within it is missing', () => {
    using member = new Crashed(older, full, { ...newest, checkpoint: older.name })
    assert.equal(member.keep(), true)
    assert.deepEqual(member.after(2), [3, 4, 5, 6, 7])
    rmSync(join(member.pending, full.name))
    assert.equal(member.after(2), undefined)
    assert.equal(member.claimedAt(2), 2)
  })
})
