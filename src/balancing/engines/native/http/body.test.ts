// A body that was passed on and not kept is never taken for one that can be sent again.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { requestLimits } from '../../../../wire/http1/limits.ts'
import { parseRequestHead } from '../../../../wire/http1/request-head.ts'
import { RequestHead } from '../../../../wire/http1/request-line.ts'
import type { Connection } from '../transport/transport.ts'
import { BodyCourse, type BodyKeeper } from './body.ts'
import { RequestInput } from './input.ts'
import { KeptBody } from './kept-body.ts'
import type { UpstreamLink } from './parts.ts'

/** What is kept of a POST whose body of `size` bytes comes with its head. */
function keptOf(size: number, keeps: boolean): KeptBody {
  const bytes = Buffer.from(`POST / HTTP/1.1\r\nHost: a\r\nContent-Length: ${size}\r\n\r\n`)
  const all = Buffer.concat([bytes, Buffer.alloc(size, 'x')])
  const head = new RequestHead()
  assert.equal(parseRequestHead(all, 0, all.length, requestLimits, head), 0)
  const input = new RequestInput()
  input.take(all, all.length)
  input.at = head.end
  input.begin(head)
  const body = new KeptBody()
  body.begin()
  body.keepAt({ bytes: 0, limits: { each: 65_536, bytes: 1_000_000 } })
  const keeper: BodyKeeper = {
    ...{ keeps, keptMost: body.most, timeline: { bytesIn: 0 } },
    keep: (part) => body.add(part),
  }
  const connection = { passOn: () => undefined, write: () => undefined } as unknown as Connection
  const course = new BodyCourse(connection, input, keeper)
  course.withStart({ connection } as UpstreamLink, 'a head')
  return body
}

test('a part that is passed on and may be wanted again is kept', () => {
  const body = keptOf(20_000, true)
  assert.equal(body.isWhole, true)
  assert.equal(body.text.length, 20_000)
})

test('a part that is passed on without being kept is gone', () => {
  assert.equal(keptOf(20_000, false).isWhole, false)
})

test('a part that is larger than what is kept is gone', () => {
  assert.equal(keptOf(100_000, true).isWhole, false)
})
