// What does the head of this HTTP/1.1 request say, and may it be believed? Bytes in, offsets out.

import {
  connectionClose,
  connectionForbidden,
  connectionKeepAlive,
  connectionNames,
  connectionOptions,
  connectionUpgrade,
  contentLengthOf,
  cutNamedFields,
  endsChunked,
  isChunkedOnly,
  names,
  trimmedEnd,
} from './fields.ts'
import { type HeadLimits, headIncomplete, headRead } from './limits.ts'
import { isMethod, methods, parseRequestLine, type RequestHead, refuse } from './request-line.ts'
import { fieldValue, hostByte, spells, token, word } from './tables.ts'

const CR = 0x0d
const LF = 0x0a
const SP = 0x20

const continueWord = word('100-continue')
const h2cMark = word('h2c')

/**
 * Reads a request head from `bytes` between `from` and `to` into `head`. Returns `headRead`,
 * `headIncomplete`, or the status to refuse it with: after a refusal nothing on the connection
 * can be trusted. Never reads beyond `to`, never throws, and says the same whichever way the bytes
 * arrived cut.
 */
export function parseRequestHead(
  bytes: Uint8Array,
  from: number,
  to: number,
  limits: HeadLimits,
  head: RequestHead,
): number {
  const lineMost = Math.min(to, from + limits.line)
  const line = parseRequestLine(bytes, from, lineMost, head)
  if (line === headIncomplete && to - from >= limits.line) {
    return refuse(head, 414, `the request line is longer than ${limits.line} bytes`)
  }
  if (line !== headRead) return line
  const headMost = Math.min(to, from + limits.head)
  const fields = parseFields(bytes, head.lineEnd, headMost, limits.fields, head)
  if (fields === headIncomplete && to - from >= limits.head) {
    return refuse(head, 431, `the head is longer than ${limits.head} bytes`)
  }
  return fields
}

const seenHost = 1
const seenLength = 2
const seenCoding = 4
const seenUpgrade = 8

/** What is known while the fields are read; one object for all requests. */
const seen = { marks: 0, options: 0, expect: 0 }

function parseFields(
  bytes: Uint8Array,
  from: number,
  to: number,
  fieldsMost: number,
  head: RequestHead,
): number {
  head.hostStart = -1
  head.hostEnd = -1
  head.hasHost = false
  head.contentLength = -1
  head.chunked = false
  head.upgradeStart = -1
  head.upgradeEnd = -1
  head.expectsContinue = false
  head.hopsLeft = -1
  head.cutCount = 0
  seen.marks = 0
  seen.options = 0
  seen.expect = -1
  let at = from
  for (let count = 0; ; count += 1) {
    if (at >= to) return headIncomplete
    if (bytes[at] === CR) {
      if (at + 1 >= to) return headIncomplete
      if (bytes[at + 1] !== LF) return refuse(head, 400, 'a bare CR between fields')
      head.end = at + 2
      return judge(bytes, from, head)
    }
    if (count >= fieldsMost) return refuse(head, 431, `more than ${fieldsMost} fields`)
    const line = at
    while (at < to && token[bytes[at] as number] === 1) at += 1
    if (at >= to) return headIncomplete
    if (bytes[at] !== 0x3a || at === line) return refuse(head, 400, 'a field name is not a token')
    const colon = at
    at += 1
    while (at < to && (bytes[at] === SP || bytes[at] === 0x09)) at += 1
    const value = at
    while (at < to && fieldValue[bytes[at] as number] === 1) at += 1
    if (at >= to) return headIncomplete
    if (bytes[at] !== CR) return refuse(head, 400, 'a field value holds a control character')
    if (at + 1 >= to) return headIncomplete
    if (bytes[at + 1] !== LF) return refuse(head, 400, 'a bare CR in a field value')
    at += 2
    const refused = readField(bytes, line, colon, value, at, head)
    if (refused !== headRead) return refused
  }
}

/** Names are told apart by their length first: most fields cost one look at a jump table. */
function readField(
  bytes: Uint8Array,
  line: number,
  colon: number,
  value: number,
  next: number,
  head: RequestHead,
): number {
  switch (colon - line) {
    case 2:
      if (spells(bytes, line, colon, names.te)) cut(head, line, next)
      return headRead
    case 4:
      if (spells(bytes, line, colon, names.host)) return readHost(bytes, value, next - 2, head)
      return headRead
    case 6:
      if (!spells(bytes, line, colon, names.expect)) return headRead
      return readExpect(bytes, line, value, next, head)
    case 7:
      if (!spells(bytes, line, colon, names.upgrade)) return headRead
      cut(head, line, next)
      // Several lines of Upgrade are one list; who sends that is not a browser: it is not passed.
      head.upgradeStart = seen.marks & seenUpgrade ? -1 : value
      head.upgradeEnd = trimmedEnd(bytes, value, next - 2)
      seen.marks |= seenUpgrade
      return headRead
    case 10:
      if (spells(bytes, line, colon, names.connection)) {
        seen.options |= connectionOptions(bytes, value, next - 2)
        cut(head, line, next)
      } else if (spells(bytes, line, colon, names.keepAlive)) cut(head, line, next)
      return headRead
    case 12:
      if (!spells(bytes, line, colon, names.maxForwards)) return headRead
      return readHops(bytes, line, value, next, head)
    case 14:
      if (!spells(bytes, line, colon, names.contentLength)) return headRead
      return readLength(bytes, value, next - 2, head)
    case 16:
      if (
        spells(bytes, line, colon, names.proxyConnection) ||
        spells(bytes, line, colon, names.forwardedHost)
      ) {
        cut(head, line, next)
      }
      return headRead
    case 17:
      if (spells(bytes, line, colon, names.forwardedProto)) cut(head, line, next)
      else if (spells(bytes, line, colon, names.transferEncoding)) {
        return readCoding(bytes, value, next - 2, head)
      }
      return headRead
    default:
      return headRead
  }
}

function cut(head: RequestHead, start: number, end: number): void {
  head.cuts[head.cutCount * 2] = start
  head.cuts[head.cutCount * 2 + 1] = end
  head.cutCount += 1
}

function readHost(bytes: Uint8Array, value: number, crlf: number, head: RequestHead): number {
  if (seen.marks & seenHost) return refuse(head, 400, 'more than one Host')
  seen.marks |= seenHost
  const end = trimmedEnd(bytes, value, crlf)
  for (let at = value; at < end; at += 1) {
    if (hostByte[bytes[at] as number] === 0) return refuse(head, 400, 'Host is not a host')
  }
  head.hasHost = true
  head.hostStart = value
  head.hostEnd = end
  return headRead
}

function readExpect(
  bytes: Uint8Array,
  line: number,
  value: number,
  next: number,
  head: RequestHead,
): number {
  if (!spells(bytes, value, trimmedEnd(bytes, value, next - 2), continueWord)) {
    return refuse(head, 417, 'an expectation other than 100-continue')
  }
  head.expectsContinue = true
  // A client of HTTP/1.0 cannot be told to continue: its expectation is not passed on.
  if (head.minor === 0) cut(head, line, next)
  return headRead
}

/** Counts for OPTIONS and TRACE alone; the line is made anew with one less. */
function readHops(
  bytes: Uint8Array,
  line: number,
  value: number,
  next: number,
  head: RequestHead,
): number {
  const { start, methodEnd } = head
  const counts =
    isMethod(bytes, start, methodEnd, methods.OPTIONS) ||
    isMethod(bytes, start, methodEnd, methods.TRACE)
  if (!counts) return headRead
  if (head.hopsLeft >= 0) return refuse(head, 400, 'more than one Max-Forwards')
  const end = trimmedEnd(bytes, value, next - 2)
  head.hopsLeft = end - value > 10 ? -1 : contentLengthOf(bytes, value, end)
  if (head.hopsLeft < 0) return refuse(head, 400, 'Max-Forwards is not a number')
  cut(head, line, next)
  return headRead
}

/**
 * Takes the white space around a value that frames the message away, but for one space: servers
 * are not at one about what of it belongs to the value.
 */
function tidy(
  bytes: Uint8Array,
  value: number,
  end: number,
  crlf: number,
  head: RequestHead,
): void {
  let from = value
  while (bytes[from - 1] === SP || bytes[from - 1] === 0x09) from -= 1
  if (value - from > 1 || bytes[from] === 0x09) cut(head, from, value)
  if (end < crlf) cut(head, end, crlf)
}

function readLength(bytes: Uint8Array, value: number, crlf: number, head: RequestHead): number {
  if (seen.marks & seenLength) return refuse(head, 400, 'more than one Content-Length')
  seen.marks |= seenLength
  const end = trimmedEnd(bytes, value, crlf)
  head.contentLength = contentLengthOf(bytes, value, end)
  tidy(bytes, value, end, crlf, head)
  return head.contentLength < 0 ? refuse(head, 400, 'Content-Length is not a number') : headRead
}

function readCoding(bytes: Uint8Array, value: number, crlf: number, head: RequestHead): number {
  if (seen.marks & seenCoding) return refuse(head, 400, 'more than one Transfer-Encoding')
  seen.marks |= seenCoding
  if (head.minor === 0) return refuse(head, 400, 'Transfer-Encoding in HTTP/1.0')
  const end = trimmedEnd(bytes, value, crlf)
  if (!isChunkedOnly(bytes, value, end)) {
    return endsChunked(bytes, value, end)
      ? refuse(head, 501, 'a transfer coding other than chunked')
      : refuse(head, 400, 'a Transfer-Encoding that does not end with chunked')
  }
  head.chunked = true
  tidy(bytes, value, end, crlf, head)
  return headRead
}

/** What only the whole head shows. */
function judge(bytes: Uint8Array, fieldsStart: number, head: RequestHead): number {
  if (head.chunked && seen.marks & seenLength) {
    return refuse(head, 400, 'both Transfer-Encoding and Content-Length')
  }
  if (head.hostStart < 0 && head.minor === 1) return refuse(head, 400, 'no Host')
  if (seen.options & connectionForbidden) {
    return refuse(head, 400, 'Connection names a field that frames or routes the request')
  }
  if (head.absolute && !agreesWithHost(bytes, head)) {
    return refuse(head, 400, 'Host is not the host of the target')
  }
  if (seen.options & connectionNames) {
    head.cutCount = cutNamedFields(bytes, fieldsStart, head.end, head.cuts, head.cutCount)
  }
  const hasBody = head.chunked || head.contentLength > 0
  head.keepAlive =
    (seen.options & connectionClose) === 0 &&
    (head.minor === 1 || (seen.options & connectionKeepAlive) !== 0)
  const mayUpgrade =
    head.minor === 1 &&
    !hasBody &&
    (seen.options & connectionUpgrade) !== 0 &&
    !asksH2c(bytes, head)
  if (!mayUpgrade) head.upgradeStart = -1
  if (hasBody && isMethod(bytes, head.start, head.methodEnd, methods.TRACE)) {
    return refuse(head, 400, 'TRACE with a body')
  }
  return headRead
}

/** An upgrade to HTTP/2 in clear would carry requests that nobody here reads: it is ignored. */
function asksH2c(bytes: Uint8Array, head: RequestHead): boolean {
  for (let at = head.upgradeStart; at >= 0 && at + h2cMark.length <= head.upgradeEnd; at += 1) {
    if (spells(bytes, at, at + h2cMark.length, h2cMark)) return true
  }
  return false
}

function agreesWithHost(bytes: Uint8Array, head: RequestHead): boolean {
  const isTls = (bytes[head.targetStart + 4] as number) !== 0x3a
  const authority = head.targetStart + (isTls ? 8 : 7)
  const text = (start: number, end: number): string => {
    const host = Buffer.from(bytes.subarray(start, end)).toString('latin1').toLowerCase()
    return host.replace(isTls ? /:(443)?$/ : /:(80)?$/, '')
  }
  const agrees =
    head.hostStart < 0 || text(authority, head.pathStart) === text(head.hostStart, head.hostEnd)
  head.hostStart = authority
  head.hostEnd = head.pathStart
  return agrees
}
