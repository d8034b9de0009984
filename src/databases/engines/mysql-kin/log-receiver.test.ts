// Up to when is all of a log kept, where the store takes its time?

import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { test } from 'node:test'
import { instant } from '../../../foundation/time.ts'
import { packetOf } from '../../../wire/mysql/packets.ts'
import type { LogNews } from '../../backups/engine.ts'
import type { BackupStore } from '../../backups/store.ts'
import { keepLog, type LogDialect } from './log-receiver.ts'
import type { Session } from './session.ts'

const heartbeatType = 27
const dialect: LogDialect = {
  ...{ heartbeats: [heartbeatType], passedOver: [] },
  gtidOf: () => undefined,
  after: (before) => before,
}

function sent(number: number, type: number): Buffer {
  const event = Buffer.alloc(100)
  event.writeUInt8(type, 4)
  event.writeUInt32LE(event.length, 9)
  return packetOf(number, Buffer.concat([Buffer.alloc(1), event]))
}

test('a heartbeat that waited for the disk says what was so when it came', async () => {
  let time = 1000
  const grown = {
    ...{ write: async () => {}, sync: async () => {} },
    [Symbol.asyncDispose]: async () => {},
  }
  const store: BackupStore = {
    ...{ place: 'nowhere', list: async () => [], read: async () => undefined },
    ...{ open: () => new PassThrough(), grow: async () => grown, remove: async () => {} },
    free: async () => undefined,
    put: async () => {
      time += 5000
    },
  }
  const stream = Object.assign(new PassThrough(), { setTimeout: () => undefined })
  const session = { takeOver: () => stream as unknown as Socket } as unknown as Session
  const stop = new AbortController()
  const heard: LogNews[] = []
  const told = (news: LogNews): void => {
    heard.push(news)
    stop.abort(new Error('enough'))
  }
  const wanted = { request: Buffer.alloc(0), after: '' }
  const now = () => instant(time)
  stream.write(Buffer.concat([sent(0, 15), sent(1, heartbeatType)]))
  const kept = keepLog(session, wanted, dialect, store, now, told, stop.signal)
  await assert.rejects(kept)
  assert.equal(heard[0]?.until, 1000)
})
