// What does the first line of a request ask for: method, target, version? Bytes in, offsets out.

import { headIncomplete, headRead } from './limits.ts'
import { hostByte, spells, targetByte, token, word } from './tables.ts'

const CR = 0x0d
const LF = 0x0a
const SP = 0x20

/**
 * One request's head, as offsets into the bytes it was read from. Made once and filled again for
 * each request: nothing is allocated for a request but the text that is sent on.
 */
export class RequestHead {
  /** Why the head was refused, for people; the status is what the parser returned. */
  reason = ''
  start = 0
  /** The byte after the empty line. */
  end = 0
  methodEnd = 0
  /** May be repeated without harm (RFC 9110 9.2.2). */
  idempotent = false
  isHead = false
  targetStart = 0
  targetEnd = 0
  /** Where the path begins: the target, or in absolute-form what follows the authority. */
  pathStart = 0
  /** The target is a whole URI and has to be cut down before it is sent on (RFC 9112 3.2.2). */
  absolute = false
  lineEnd = 0
  minor = 1
  /** The line says HTTP/1.1 exactly; another version is not ours to send on (RFC 9112 2.3). */
  isOwnVersion = true
  /** The value of Host, or the authority of an absolute target; -1 when there is none. */
  hostStart = -1
  hostEnd = -1
  /** There is a Host field; without one it has to be made for HTTP/1.1. */
  hasHost = false
  contentLength = -1
  chunked = false
  keepAlive = true
  /** The value of an Upgrade that may be passed on; -1 when there is none. */
  upgradeStart = -1
  upgradeEnd = -1
  expectsContinue = false
  /** Max-Forwards of an OPTIONS or TRACE, which is counted down (RFC 9110 7.6.2); -1: no bound. */
  hopsLeft = -1
  /** Lines that are not passed on: pairs of start and end in rising order. */
  readonly cuts = new Int32Array(2 * 160)
  cutCount = 0
}

/** Method names, spelt in lower case for `isMethod`. */
export const methods = {
  GET: word('get'),
  HEAD: word('head'),
  POST: word('post'),
  PUT: word('put'),
  DELETE: word('delete'),
  OPTIONS: word('options'),
  TRACE: word('trace'),
  CONNECT: word('connect'),
} as const

/** Method names count case (RFC 9110 9.1): compares exactly, against upper case. */
export function isMethod(bytes: Uint8Array, start: number, end: number, name: Uint8Array): boolean {
  if (end - start !== name.length) return false
  for (let i = 0; i < name.length; i += 1) {
    if (bytes[start + i] !== (name[i] as number) - 0x20) return false
  }
  return true
}

const version1 = Buffer.from('HTTP/1.', 'latin1')

/** Refuses the request with `status`, and keeps the reason for people. */
export function refuse(head: RequestHead, status: number, reason: string): number {
  head.reason = reason
  return status
}

/**
 * Reads the request line into `head`. Returns as `parseRequestHead` does; what it says of a prefix
 * it says of every longer one.
 */
export function parseRequestLine(
  bytes: Uint8Array,
  from: number,
  to: number,
  head: RequestHead,
): number {
  let at = from
  // Empty lines before a request are passed over (RFC 9112 2.2), but not without end.
  while (at < to && bytes[at] === CR) {
    if (at - from >= 8) return refuse(head, 400, 'empty lines instead of a request')
    if (at + 1 >= to) return headIncomplete
    if (bytes[at + 1] !== LF) return refuse(head, 400, 'a bare CR before the request line')
    at += 2
  }
  head.start = at
  while (at < to && token[bytes[at] as number] === 1) at += 1
  if (at - head.start > 32) return refuse(head, 501, 'a method of more than 32 characters')
  if (at >= to) return headIncomplete
  if (bytes[at] !== SP || at === head.start) return refuse(head, 400, 'the method is not a token')
  head.methodEnd = at
  at += 1
  head.targetStart = at
  while (at < to && targetByte[bytes[at] as number] === 1) at += 1
  if (at >= to) return headIncomplete
  if (bytes[at] !== SP || at === head.targetStart) {
    return refuse(head, 400, 'the target is empty or holds what a target may not')
  }
  head.targetEnd = at
  return parseVersion(bytes, at + 1, to, head)
}

function parseVersion(bytes: Uint8Array, from: number, to: number, head: RequestHead): number {
  for (let i = 0; i < 7; i += 1) {
    if (from + i >= to) return headIncomplete
    if (bytes[from + i] === version1[i]) continue
    const isOther =
      i === 5 && (bytes[from + i] as number) >= 0x30 && (bytes[from + i] as number) <= 0x39
    return isOther
      ? refuse(head, 505, 'a version of HTTP that is not spoken here')
      : refuse(head, 400, 'the request line does not end with a version')
  }
  if (from + 7 >= to) return headIncomplete
  const minor = (bytes[from + 7] as number) - 0x30
  if (minor < 0 || minor > 9) return refuse(head, 400, 'the version is not HTTP/1.0 or 1.1')
  if (from + 8 >= to) return headIncomplete
  if (bytes[from + 8] !== CR) return refuse(head, 400, 'the request line does not end with CRLF')
  if (from + 9 >= to) return headIncomplete
  if (bytes[from + 9] !== LF) return refuse(head, 400, 'a bare CR in the request line')
  // A later minor version is understood as the highest that we know (RFC 9110 2.5).
  head.minor = minor === 0 ? 0 : 1
  head.isOwnVersion = minor === 1
  head.lineEnd = from + 10
  return parseTarget(bytes, head)
}

/** The four forms of a target (RFC 9112 3.2); authority-form belongs to CONNECT alone. */
function parseTarget(bytes: Uint8Array, head: RequestHead): number {
  const { start, methodEnd, targetStart, targetEnd } = head
  head.isHead = isMethod(bytes, start, methodEnd, methods.HEAD)
  head.idempotent =
    head.isHead ||
    isMethod(bytes, start, methodEnd, methods.GET) ||
    isMethod(bytes, start, methodEnd, methods.PUT) ||
    isMethod(bytes, start, methodEnd, methods.DELETE) ||
    isMethod(bytes, start, methodEnd, methods.OPTIONS) ||
    isMethod(bytes, start, methodEnd, methods.TRACE)
  head.absolute = false
  head.pathStart = targetStart
  // Whatever its target: servers take what follows its head for anything but a body.
  if (isMethod(bytes, start, methodEnd, methods.CONNECT)) {
    return refuse(head, 501, 'CONNECT asks for a tunnel, which is not offered')
  }
  if (bytes[targetStart] === 0x2f) return headRead
  if (bytes[targetStart] === 0x2a && targetEnd - targetStart === 1) {
    if (isMethod(bytes, start, methodEnd, methods.OPTIONS)) return headRead
    return refuse(head, 400, 'only OPTIONS asks for *')
  }
  return parseAbsolute(bytes, head)
}

const schemes = [word('http://'), word('https://')]

function parseAbsolute(bytes: Uint8Array, head: RequestHead): number {
  const { targetStart, targetEnd } = head
  const scheme = schemes.find((known) =>
    spells(bytes, targetStart, targetStart + known.length, known),
  )
  if (scheme === undefined)
    return refuse(head, 400, 'the target is neither a path nor a URI of http')
  const authority = targetStart + scheme.length
  let at = authority
  while (at < targetEnd && hostByte[bytes[at] as number] === 1) at += 1
  if (at === authority) return refuse(head, 400, 'the target is a URI without a host')
  if (at < targetEnd && bytes[at] !== 0x2f && bytes[at] !== 0x3f) {
    return refuse(head, 400, 'the host of the target holds what a host may not')
  }
  head.absolute = true
  head.pathStart = at
  return headRead
}
