// What do the fields say that frame a message and belong to one connection? Shared by both heads.

import { fieldValue, lower, spells, token, word } from './tables.ts'

const CR = 0x0d
const LF = 0x0a

export const names = {
  te: word('te'),
  host: word('host'),
  date: word('date'),
  expect: word('expect'),
  upgrade: word('upgrade'),
  connection: word('connection'),
  keepAlive: word('keep-alive'),
  maxForwards: word('max-forwards'),
  contentLength: word('content-length'),
  proxyConnection: word('proxy-connection'),
  forwardedHost: word('x-forwarded-host'),
  forwardedProto: word('x-forwarded-proto'),
  transferEncoding: word('transfer-encoding'),
} as const

const chunkedWord = word('chunked')
const closeWord = word('close')

/** Options of a Connection field (RFC 9110 7.6.1), as bits. */
export const connectionClose = 1
export const connectionKeepAlive = 2
export const connectionUpgrade = 4
/** Names fields that must not be passed on. */
export const connectionNames = 8
/** Names a field that frames or routes the message: only an attack asks for that. */
export const connectionForbidden = 16

const forbiddenOptions = [names.host, names.contentLength, names.transferEncoding]

/** Reads one Connection value from `start` to `end` into the bits above. */
export function connectionOptions(bytes: Uint8Array, start: number, end: number): number {
  let bits = 0
  let at = start
  while (at < end) {
    const from = at
    while (at < end && token[bytes[at] as number] === 1) at += 1
    if (at > from) bits |= connectionOption(bytes, from, at)
    else at += 1
  }
  return bits
}

function connectionOption(bytes: Uint8Array, from: number, to: number): number {
  if (spells(bytes, from, to, closeWord)) return connectionClose
  if (spells(bytes, from, to, names.keepAlive)) return connectionKeepAlive
  if (spells(bytes, from, to, names.upgrade)) return connectionUpgrade
  if (spells(bytes, from, to, names.te)) return 0
  return forbiddenOptions.some((option) => spells(bytes, from, to, option))
    ? connectionForbidden
    : connectionNames
}

/**
 * The length a Content-Length value states, or -1 when it is not digits alone (a list, a sign) or
 * more than fifteen of them (RFC 9110 8.6; a number that cannot be counted is no length).
 */
export function contentLengthOf(bytes: Uint8Array, start: number, end: number): number {
  if (end - start < 1 || end - start > 15) return -1
  let length = 0
  for (let at = start; at < end; at += 1) {
    const digit = (bytes[at] as number) - 0x30
    if (digit < 0 || digit > 9) return -1
    length = length * 10 + digit
  }
  return length
}

/** Whether a Transfer-Encoding value is the one coding that we and every server understand. */
export const isChunkedOnly = (bytes: Uint8Array, start: number, end: number): boolean =>
  spells(bytes, start, end, chunkedWord)

/**
 * Whether a Transfer-Encoding value is a list of other codings with chunked, once, at its end: the
 * body has a known end then, and is only not understood (RFC 9112 6.1 and 6.3).
 */
export function endsChunked(bytes: Uint8Array, start: number, end: number): boolean {
  const list = Buffer.from(bytes.subarray(start, end)).toString('latin1').toLowerCase().split(',')
  const codings = list.map((coding) => coding.replaceAll(/^[ \t]+|[ \t]+$/g, ''))
  return codings.indexOf('chunked') === codings.length - 1 && !codings.includes('')
}

/**
 * Adds to `cuts` the lines between `from` and `to` (whole lines, already parsed) whose name stands
 * in a Connection value between the same bounds; returns the new count. `cuts` holds pairs of
 * start and end and is left in rising order.
 */
export function cutNamedFields(
  bytes: Uint8Array,
  from: number,
  to: number,
  cuts: Int32Array,
  count: number,
): number {
  return cutNamed(bytes, from, to, namedOptions(bytes, from, to), cuts, count)
}

/** The same for the lines whose name, in lower case, is among `named`. */
export function cutNamed(
  bytes: Uint8Array,
  from: number,
  to: number,
  named: ReadonlySet<string>,
  cuts: Int32Array,
  count: number,
): number {
  let cutCount = count
  for (const line of lines(bytes, from, to)) {
    if (!named.has(nameOf(bytes, line.start, line.colon))) continue
    cutCount = insertCut(cuts, cutCount, line.start, line.end)
  }
  return cutCount
}

interface Line {
  readonly start: number
  readonly colon: number
  readonly end: number
}

function* lines(bytes: Uint8Array, from: number, to: number): Generator<Line> {
  let start = from
  while (start < to && bytes[start] !== CR) {
    let colon = start
    while (token[bytes[colon] as number] === 1) colon += 1
    let end = colon
    while (bytes[end] !== LF) end += 1
    yield { start, colon, end: end + 1 }
    start = end + 1
  }
}

function nameOf(bytes: Uint8Array, start: number, end: number): string {
  let name = ''
  for (let at = start; at < end; at += 1) {
    name += String.fromCharCode(lower[bytes[at] as number] as number)
  }
  return name
}

function namedOptions(bytes: Uint8Array, from: number, to: number): ReadonlySet<string> {
  const named = new Set<string>()
  for (const { start, colon, end } of lines(bytes, from, to)) {
    if (!spells(bytes, start, colon, names.connection)) continue
    let at = colon
    while (at < end) {
      const first = at
      while (at < end && token[bytes[at] as number] === 1) at += 1
      if (at > first) named.add(nameOf(bytes, first, at))
      else at += 1
    }
  }
  return named
}

function insertCut(cuts: Int32Array, count: number, start: number, end: number): number {
  let place = 0
  while (place < count && (cuts[place * 2] as number) < start) place += 1
  if (place < count && cuts[place * 2] === start) return count
  cuts.copyWithin(place * 2 + 2, place * 2, count * 2)
  cuts[place * 2] = start
  cuts[place * 2 + 1] = end
  return count + 1
}

/** The end of a value from `start` without the spaces and tabs before `end`. */
export function trimmedEnd(bytes: Uint8Array, start: number, end: number): number {
  let at = end
  while (at > start && (bytes[at - 1] === 0x20 || bytes[at - 1] === 0x09)) at -= 1
  return at
}

const trailerForbidden = [
  ...forbiddenOptions,
  names.connection,
  names.te,
  names.upgrade,
  names.expect,
  names.keepAlive,
  word('trailer'),
  word('content-encoding'),
  word('content-range'),
  word('content-type'),
  word('authorization'),
  word('cookie'),
]

/**
 * Whether a trailer section (lines with their CRLF, without the empty one) is well formed and
 * holds nothing that frames, routes or authorises (RFC 9110 6.5.1): a server that merges trailers
 * into the head must not see another request than we did.
 */
export function isTrailerSection(bytes: Uint8Array, from: number, to: number): boolean {
  let at = from
  while (at < to) {
    const start = at
    while (at < to && token[bytes[at] as number] === 1) at += 1
    const colon = at
    if (colon === start || bytes[colon] !== 0x3a) return false
    if (trailerForbidden.some((name) => spells(bytes, start, colon, name))) return false
    at += 1
    while (at < to && fieldValue[bytes[at] as number] === 1) at += 1
    if (bytes[at] !== CR || bytes[at + 1] !== LF) return false
    at += 2
  }
  return at === to
}
