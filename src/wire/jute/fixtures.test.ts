// What foreign clients and Apache ZooKeeper said to each other is read, and written back byte for
// byte. Recorded by test/engines/record-jute.ts.

import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { Fault } from '../../foundation/fault.ts'
import { Reader, Writer } from './archive.ts'
import { errorCode } from './errors.ts'
import { readReply, readRequest } from './frames.ts'
import type { Layout } from './layout.ts'
import { type OperationName, operationName, operations } from './messages.ts'
import {
  connectRequest,
  connectResponse,
  nothing,
  replyHeader,
  requestHeader,
  watcherEvent,
} from './records.ts'

const folder = join(import.meta.dirname, 'fixtures')

/** A frame, and the layouts that it must be made of, one after the other. */
interface Recorded {
  readonly file: string
  readonly bytes: Buffer
  readonly what: string
  readonly layouts: readonly Layout<unknown>[]
}

const any = (layout: object): Layout<unknown> => layout as Layout<unknown>

function readTranscript(file: string): readonly Recorded[] {
  const recorded: Recorded[] = []
  let asked = new Map<number, OperationName>()
  let frames = 0
  for (const line of readFileSync(join(folder, file), 'utf8').trim().split('\n')) {
    if (line.startsWith('#')) continue
    if (line.startsWith('connection')) {
      asked = new Map()
      frames = 0
      continue
    }
    const bytes = Buffer.from(line.slice(2), 'hex')
    const add = (what: string, ...layouts: readonly object[]): void => {
      recorded.push({ file, bytes, what, layouts: layouts.map(any) })
    }
    frames += 1
    if (frames === 1) add('connect', connectRequest)
    else if (frames === 2) add('connected', connectResponse)
    else if (line.startsWith('>')) {
      const { xid, name } = readRequest(new Reader(bytes))
      assert.ok(name !== undefined, line)
      asked.set(xid, name)
      add(`asks ${name}`, requestHeader, operations[name].request)
    } else {
      const reply = readReply(new Reader(bytes))
      if (reply.kind === 'event') {
        add('event', replyHeader, watcherEvent)
        continue
      }
      const name = asked.get(reply.header.xid)
      assert.ok(name !== undefined, `${file}: nobody asked ${line}`)
      const body = reply.header.error === 0 ? operations[name].response : nothing
      add(`answers ${name}`, replyHeader, body)
    }
  }
  return recorded
}

const recorded = readdirSync(folder).toSorted().flatMap(readTranscript)

suite('the recorded words of Apache ZooKeeper and kazoo', () => {
  test('are read to their last byte and written back the same', () => {
    for (const { file, bytes, what, layouts } of recorded) {
      const from = new Reader(bytes)
      const to = new Writer()
      for (const layout of layouts) layout.write(to, layout.read(from))
      assert.equal(from.left, 0, `${file}: ${what} ${bytes.toString('hex')}`)
      assert.equal(to.take().toString('hex'), bytes.toString('hex'), `${file}: ${what}`)
    }
  })

  test('are corrupt wherever they are cut', () => {
    for (const { file, bytes, what, layouts } of recorded) {
      for (let cut = 0; cut < bytes.length; cut += 1) {
        const from = new Reader(Buffer.from(bytes.subarray(0, cut)))
        try {
          for (const layout of layouts) layout.read(from)
          // Old peers leave the last byte of the handshake out.
          assert.ok(
            what.startsWith('connect') && cut === bytes.length - 1,
            `${file}: ${what} ${cut}`,
          )
        } catch (thrown) {
          assert.ok(thrown instanceof Fault && thrown.code === 'corrupt', `${what}: ${thrown}`)
        }
      }
    }
  })

  test('never make a reader fail but as corrupt, whichever byte is turned over', () => {
    for (const { bytes, what, layouts } of recorded) {
      for (let at = 0; at < bytes.length; at += 1) {
        const turned = Buffer.from(bytes)
        turned[at] = ~(turned[at] ?? 0)
        try {
          const from = new Reader(turned)
          for (const layout of layouts) layout.read(from)
        } catch (thrown) {
          assert.ok(thrown instanceof Fault && thrown.code === 'corrupt', `${what}: ${thrown}`)
        }
      }
    }
  })

  test('cover the operations that those clients have', () => {
    const seen = new Set(recorded.map(({ what }) => what))
    const rare: readonly OperationName[] = [
      'check', // stands in a multi only
      'checkWatches', // no client has it
      'deleteContainer', // the server's own
      'multiRead', // in the Java API, not in a command
      'ping',
      'reconfig',
      'sasl',
      'setWatches', // superseded by setWatches2
    ]
    const missing = (Object.keys(operations) as OperationName[]).filter(
      (name) => !seen.has(`answers ${name}`),
    )
    assert.deepEqual(missing.toSorted(), rare.toSorted())
  })

  test('say which error it was', () => {
    const errors = new Set(
      recorded
        .filter(({ what }) => what.startsWith('answers'))
        .map(({ bytes }) => replyHeader.read(new Reader(bytes)).error),
    )
    for (const name of ['node-exists', 'no-node', 'bad-version', 'no-watcher'] as const) {
      assert.ok(errors.has(errorCode(name)), name)
    }
  })

  test('name every operation by its number', () => {
    for (const [name, { type }] of Object.entries(operations)) {
      assert.equal(operationName(type), name)
    }
  })
})
