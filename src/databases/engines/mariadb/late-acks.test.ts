// Up to where does a member have what waits, in the logs of its primary?

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { primaryServerId } from './gtid.ts'
import { placeOf } from './late-acks.ts'
import type { LogFile } from './logs.ts'

const server = primaryServerId(3, 0)

const log = (path: string, ...seqs: readonly number[]): LogFile => ({
  ...{ path, before: [], checkpoint: undefined, open: true, end: 1000 },
  groups: seqs.map((seq) => ({
    ...{ gtid: { domain: 0, server, seq }, from: seq * 100, to: seq * 100 + 100 },
  })),
})

const placeIn = (logs: readonly LogFile[], at: number) =>
  placeOf({ unfinished: () => logs }, { line: 3, at })

test('a member has what is in the newest log, up to its position', () => {
  const logs = [log('/d/binlog.000001', 4, 5), log('/d/binlog.000002', 6, 7)]
  assert.deepEqual(placeIn(logs, 6), { file: 'binlog.000002', offset: 700 })
  assert.equal(placeIn(logs, 3), undefined)
})

test('a member has the transaction that filled the log before', () => {
  const logs = [log('/d/binlog.000001', 4, 5), log('/d/binlog.000002')]
  assert.deepEqual(placeIn(logs, 5), { file: 'binlog.000001', offset: 600 })
})
