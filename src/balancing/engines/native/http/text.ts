// How is a head sent on? Without the lines that belong to one connection, with those that are ours.

import type { AnswerHead } from '../../../../wire/http1/answer-head.ts'
import type { RequestHead } from '../../../../wire/http1/request-line.ts'
import { latin1 as text } from '../../../../wire/latin1.ts'
import { sourceOf } from '../edge/source.ts'
import type { Connection } from '../transport/transport.ts'

/** The bytes from `from` to `to` without the cuts among them: made once, the rest are slices. */
function without(
  bytes: Buffer,
  from: number,
  to: number,
  cuts: Int32Array,
  cutCount: number,
): string {
  const whole = text(bytes, from, to)
  let at = from
  let kept = ''
  for (let i = 0; i < cutCount * 2; i += 2) {
    const start = cuts[i] as number
    const end = cuts[i + 1] as number
    if (start > at) kept += whole.slice(at - from, start - from)
    if (end > at) at = end
  }
  if (at === from) return whole
  return at < to ? kept + whole.slice(at - from) : kept
}

/**
 * A request's head as it goes to a server: always HTTP/1.1 in origin-form, `lines` (each with its
 * CRLF) added at the end, and another `target` where one is given.
 */
export function requestText(
  bytes: Buffer,
  head: RequestHead,
  lines: string,
  target?: string,
): string {
  const fieldsEnd = head.end - 2
  if (!head.absolute && head.isOwnVersion && target === undefined) {
    return `${without(bytes, head.start, fieldsEnd, head.cuts, head.cutCount)}${lines}\r\n`
  }
  const method = text(bytes, head.start, head.methodEnd)
  const fields = without(bytes, head.lineEnd, fieldsEnd, head.cuts, head.cutCount)
  return `${method} ${target ?? originForm(bytes, head, method)} HTTP/1.1\r\n${fields}${lines}\r\n`
}

/** Who a client is and how it came, for servers; an IPv4 address is written as one. */
export function forwardedLines({ peer, secure }: Connection): string {
  const scheme = secure ? 'https' : 'http'
  return `X-Forwarded-For: ${sourceOf(peer)}\r\nX-Forwarded-Proto: ${scheme}\r\n`
}

/** Which host was asked for. */
export const hostLine = (host: string): string =>
  host === '' ? '' : `X-Forwarded-Host: ${host}\r\n`

/** What else this request has to say to a server: a host, and the upgrade that it may ask for. */
export function ownLines(
  bytes: Buffer,
  head: RequestHead,
  host: string,
  hostForNone: string,
): string {
  let lines = ''
  if (!head.hasHost) lines += `Host: ${host === '' ? hostForNone : host}\r\n`
  if (head.hopsLeft > 0) lines += `Max-Forwards: ${head.hopsLeft - 1}\r\n`
  if (head.upgradeStart < 0) return lines
  const protocol = text(bytes, head.upgradeStart, head.upgradeEnd)
  return `${lines}Connection: Upgrade\r\nUpgrade: ${protocol}\r\n`
}

/** RFC 9112 3.2.1 and 3.2.4: an empty path is `/`, or `*` for OPTIONS. */
function originForm(bytes: Buffer, head: RequestHead, method: string): string {
  const path = text(bytes, head.pathStart, head.targetEnd)
  if (path === '') return method === 'OPTIONS' ? '*' : '/'
  return path.startsWith('?') ? `/${path}` : path
}

/**
 * An answer's head with `lines` added, and the bytes after it up to `to`: mostly one or two pieces
 * of what was received.
 */
export function answerText(bytes: Buffer, head: AnswerHead, lines: string, to: number): string {
  const { cuts, cutCount, isOwnVersion } = head
  if (isOwnVersion && lines === '') return without(bytes, head.start, to, cuts, cutCount)
  const from = isOwnVersion ? head.start : head.start + 8
  const kept = without(bytes, from, head.end - 2, cuts, cutCount)
  const body = to > head.end ? text(bytes, head.end, to) : ''
  return `${isOwnVersion ? '' : 'HTTP/1.1'}${kept}${lines}\r\n${body}`
}

/** What a 101 and a 426 say of the protocol that they speak of; they end with this connection. */
export function upgradeLines(bytes: Buffer, head: AnswerHead): string {
  const protocol = head.upgradeStart < 0 ? '' : text(bytes, head.upgradeStart, head.upgradeEnd)
  return `Connection: Upgrade\r\n${protocol === '' ? '' : `Upgrade: ${protocol}\r\n`}`
}

/** The Date line, made anew each second (RFC 9110 6.6.1). */
export class DateLine {
  line = ''
  #second = -1

  /** Brings the line up to the wall's time, in milliseconds since 1970. */
  turn(wall: number): void {
    const second = Math.floor(wall / 1000)
    if (second === this.#second) return
    this.#second = second
    this.line = `Date: ${new Date(second * 1000).toUTCString()}\r\n`
  }
}
