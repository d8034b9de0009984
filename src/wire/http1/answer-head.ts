// What does the head of an HTTP/1.1 answer say, and where does its body end? Bytes in, offsets out.

import {
  connectionClose,
  connectionForbidden,
  connectionKeepAlive,
  connectionNames,
  connectionOptions,
  contentLengthOf,
  cutNamedFields,
  isChunkedOnly,
  names,
  trimmedEnd,
} from './fields.ts'
import { type HeadLimits, headIncomplete, headRead } from './limits.ts'
import { fieldValue, spells, token } from './tables.ts'

const CR = 0x0d
const LF = 0x0a
const SP = 0x20

/** One answer's head, as offsets into the bytes it was read from; made once and filled again. */
export class AnswerHead {
  /** Why the head was refused, for people. */
  reason = ''
  start = 0
  /** The byte after the status line. */
  lineEnd = 0
  /** The byte after the empty line. */
  end = 0
  minor = 1
  /** The line says HTTP/1.1 exactly; another version is not ours to send on (RFC 9112 2.3). */
  isOwnVersion = true
  status = 0
  contentLength = -1
  chunked = false
  keepAlive = true
  hasDate = false
  /** The value of Upgrade, which only a 101 passes on; -1 when there is none. */
  upgradeStart = -1
  upgradeEnd = -1
  /** Lines that are not passed on: pairs of start and end in rising order. */
  readonly cuts = new Int32Array(2 * 288)
  cutCount = 0
}

const version1 = Buffer.from('HTTP/1.', 'latin1')

/** What `parseAnswerHead` returns for a head that cannot be believed: a bad gateway. */
export const answerBad = 502

function refuse(head: AnswerHead, reason: string): number {
  head.reason = reason
  return answerBad
}

/**
 * Reads an answer's head from `bytes` between `from` and `to` into `head`. Returns `headRead`,
 * `headIncomplete` or `answerBad`; never reads beyond `to`, never throws. Transfer-Encoding is
 * always cut: who passes the body on chunked says so again.
 */
export function parseAnswerHead(
  bytes: Uint8Array,
  from: number,
  to: number,
  limits: HeadLimits,
  head: AnswerHead,
): number {
  const most = Math.min(to, from + limits.head)
  const line = parseStatusLine(bytes, from, most, head)
  const read =
    line === headRead ? parseFields(bytes, head.lineEnd, most, limits.fields, head) : line
  if (read === headIncomplete && to - from >= limits.head) {
    return refuse(head, `the head is longer than ${limits.head} bytes`)
  }
  return read
}

/** `HTTP/1.1 200 OK`; the reason may be missing, with or without the space before it. */
function parseStatusLine(bytes: Uint8Array, from: number, to: number, head: AnswerHead): number {
  head.start = from
  for (let i = 0; i < 7; i += 1) {
    if (from + i >= to) return headIncomplete
    if (bytes[from + i] !== version1[i]) return refuse(head, 'the answer is not HTTP/1')
  }
  let at = from + 7
  if (at >= to) return headIncomplete
  const minor = (bytes[at] as number) - 0x30
  if (minor < 0 || minor > 9) return refuse(head, 'the answer is not HTTP/1')
  head.minor = minor === 0 ? 0 : 1
  head.isOwnVersion = minor === 1
  at += 1
  if (at >= to) return headIncomplete
  if (bytes[at] !== SP) return refuse(head, 'the status line has no status')
  head.status = 0
  for (let i = 0; i < 3; i += 1) {
    at += 1
    if (at >= to) return headIncomplete
    const digit = (bytes[at] as number) - 0x30
    if (digit < 0 || digit > 9) return refuse(head, 'the status is not three digits')
    head.status = head.status * 10 + digit
  }
  if (head.status < 100) return refuse(head, 'a status below 100')
  at += 1
  if (at >= to) return headIncomplete
  if (bytes[at] === SP) while (at < to && fieldValue[bytes[at] as number] === 1) at += 1
  if (at >= to) return headIncomplete
  if (bytes[at] !== CR) return refuse(head, 'the status line holds what it may not')
  if (at + 1 >= to) return headIncomplete
  if (bytes[at + 1] !== LF) return refuse(head, 'a bare CR in the status line')
  head.lineEnd = at + 2
  return headRead
}

const seenLength = 1
const seenCoding = 2
const seen = { marks: 0, options: 0 }

function parseFields(
  bytes: Uint8Array,
  from: number,
  to: number,
  fieldsMost: number,
  head: AnswerHead,
): number {
  head.contentLength = -1
  head.chunked = false
  head.hasDate = false
  head.upgradeStart = -1
  head.upgradeEnd = -1
  head.cutCount = 0
  seen.marks = 0
  seen.options = 0
  let at = from
  for (let count = 0; ; count += 1) {
    if (at >= to) return headIncomplete
    if (bytes[at] === CR) {
      if (at + 1 >= to) return headIncomplete
      if (bytes[at + 1] !== LF) return refuse(head, 'a bare CR between fields')
      head.end = at + 2
      return judge(bytes, from, head)
    }
    if (count >= fieldsMost) return refuse(head, `more than ${fieldsMost} fields`)
    const line = at
    while (at < to && token[bytes[at] as number] === 1) at += 1
    const nameEnd = at
    // A server's space before the colon is removed (RFC 9112 5.1), a client's is refused.
    while (at < to && (bytes[at] === SP || bytes[at] === 0x09)) at += 1
    if (at >= to) return headIncomplete
    if (bytes[at] !== 0x3a || nameEnd === line) return refuse(head, 'a field name is not a token')
    if (at > nameEnd) cut(head, nameEnd, at)
    at += 1
    while (at < to && (bytes[at] === SP || bytes[at] === 0x09)) at += 1
    const value = at
    while (at < to && fieldValue[bytes[at] as number] === 1) at += 1
    if (at >= to) return headIncomplete
    if (bytes[at] !== CR) return refuse(head, 'a field value holds a control character')
    if (at + 1 >= to) return headIncomplete
    if (bytes[at + 1] !== LF) return refuse(head, 'a bare CR in a field value')
    at += 2
    const refused = readField(bytes, line, nameEnd, value, at, head)
    if (refused !== headRead) return refused
  }
}

function readField(
  bytes: Uint8Array,
  line: number,
  nameEnd: number,
  value: number,
  next: number,
  head: AnswerHead,
): number {
  switch (nameEnd - line) {
    case 4:
      if (spells(bytes, line, nameEnd, names.date)) head.hasDate = true
      return headRead
    case 7:
      if (!spells(bytes, line, nameEnd, names.upgrade)) return headRead
      head.upgradeStart = value
      head.upgradeEnd = trimmedEnd(bytes, value, next - 2)
      cut(head, line, next)
      return headRead
    case 10:
      if (spells(bytes, line, nameEnd, names.connection)) {
        seen.options |= connectionOptions(bytes, value, next - 2)
        cut(head, line, next)
      } else if (spells(bytes, line, nameEnd, names.keepAlive)) cut(head, line, next)
      return headRead
    case 14:
      if (!spells(bytes, line, nameEnd, names.contentLength)) return headRead
      return readLength(bytes, line, value, next, head)
    case 16:
      if (spells(bytes, line, nameEnd, names.proxyConnection)) cut(head, line, next)
      return headRead
    case 17:
      if (!spells(bytes, line, nameEnd, names.transferEncoding)) return headRead
      cut(head, line, next)
      return readCoding(bytes, value, next - 2, head)
    default:
      return headRead
  }
}

function cut(head: AnswerHead, start: number, end: number): void {
  const last = head.cutCount * 2 - 1
  // The space before a colon may have been cut out of this very line.
  if (head.cutCount > 0 && (head.cuts[last] as number) > start) head.cutCount -= 1
  head.cuts[head.cutCount * 2] = start
  head.cuts[head.cutCount * 2 + 1] = end
  head.cutCount += 1
}

function readLength(
  bytes: Uint8Array,
  line: number,
  value: number,
  next: number,
  head: AnswerHead,
): number {
  if (seen.marks & seenLength) return refuse(head, 'more than one Content-Length')
  seen.marks |= seenLength
  head.contentLength = contentLengthOf(bytes, value, trimmedEnd(bytes, value, next - 2))
  if (head.contentLength < 0) return refuse(head, 'Content-Length is not a number')
  // These have no body and no length either (RFC 9110 8.6); a client would wait for it.
  if (head.status < 200 || head.status === 204) cut(head, line, next)
  return headRead
}

function readCoding(bytes: Uint8Array, value: number, crlf: number, head: AnswerHead): number {
  if (seen.marks & seenCoding) return refuse(head, 'more than one Transfer-Encoding')
  seen.marks |= seenCoding
  if (head.minor === 0) return refuse(head, 'Transfer-Encoding in HTTP/1.0')
  if (!isChunkedOnly(bytes, value, trimmedEnd(bytes, value, crlf))) {
    return refuse(head, 'a transfer coding other than chunked')
  }
  head.chunked = true
  return headRead
}

function judge(bytes: Uint8Array, fieldsStart: number, head: AnswerHead): number {
  if (head.chunked && seen.marks & seenLength) {
    return refuse(head, 'both Transfer-Encoding and Content-Length')
  }
  if (seen.options & connectionForbidden) {
    return refuse(head, 'Connection names a field that frames the answer')
  }
  if (seen.options & connectionNames) {
    head.cutCount = cutNamedFields(bytes, fieldsStart, head.end, head.cuts, head.cutCount)
  }
  head.keepAlive =
    (seen.options & connectionClose) === 0 &&
    (head.minor === 1 || (seen.options & connectionKeepAlive) !== 0)
  return headRead
}
