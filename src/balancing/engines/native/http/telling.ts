// What are servers told of who asks, through whom, and by which request? For doors that say more
// than the usual X-Forwarded lines: RFC 7239, Via, request ids, W3C Trace Context.

import { Networks } from '../../../../foundation/addresses.ts'
import type { Random } from '../../../../foundation/random.ts'
import { cutFields } from '../../../../wire/http1/cut-fields.ts'
import { findField } from '../../../../wire/http1/find-field.ts'
import type { RequestHead } from '../../../../wire/http1/request-line.ts'
import { word } from '../../../../wire/http1/tables.ts'
import type { TableTelling } from '../../../model.ts'
import { sourceOf } from '../edge/source.ts'
import type { Connection } from '../transport/transport.ts'

const names = {
  forwardedFor: word('x-forwarded-for'),
  forwardedProto: word('x-forwarded-proto'),
  forwardedHost: word('x-forwarded-host'),
  forwarded: word('forwarded'),
  requestId: word('x-request-id'),
  traceparent: word('traceparent'),
  tracestate: word('tracestate'),
}

/** A traceparent of version 00, or of a later one that begins alike (Trace Context 1, 3.2). */
const traceparent =
  /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}(-|$)/

/** What others may use as an id: it is shown in logs, and goes through headers. */
const id = /^[\x21-\x7e]{1,128}$/

/** What a request's servers are told, as lines with their CRLF. */
export interface Told {
  readonly lines: string
  /** The line that the answer bears too; `''` without one. */
  readonly answerLine: string
}

/** What one door tells. */
export class Telling {
  readonly row: TableTelling
  readonly #trusted: Networks | undefined
  readonly #random: Random

  constructor(row: TableTelling, random: Random) {
    this.row = row
    this.#trusted = row.trust && new Networks(row.trust)
    this.#random = random
  }

  /** Whether what a client at this address says of others is believed. */
  trusts(peer: string): boolean {
    return this.#trusted?.has(peer) ?? false
  }

  /** What to add to the head; what is not to be passed on is cut from it. */
  tell(
    { peer, secure }: Pick<Connection, 'peer' | 'secure'>,
    trusted: boolean,
    input: Buffer,
    head: RequestHead,
    host: string,
  ): Told {
    const { as, via, requestId, tracing } = this.row
    const field = (name: Uint8Array): string | undefined =>
      findField(input, head.lineEnd, head.end, name)
    const cuts: Uint8Array[] = []
    // Without networks to trust, what came is passed on, with ours behind it: the last one counts.
    if (this.#trusted !== undefined && !trusted) cuts.push(names.forwardedFor, names.forwarded)
    const proto = (trusted ? field(names.forwardedProto) : undefined) ?? (secure ? 'https' : 'http')
    const asked = (trusted ? field(names.forwardedHost) : undefined) ?? host
    let lines = forwarded(as, sourceOf(peer), proto, asked)
    if (via !== undefined) lines += `Via: ${head.minor === 0 ? '1.0' : '1.1'} ${via}\r\n`
    let answerLine = ''
    if (requestId) {
      const given = trusted ? field(names.requestId) : undefined
      const isGood = given !== undefined && id.test(given)
      answerLine = `X-Request-Id: ${isGood ? given : this.#hex(32)}\r\n`
      cuts.push(names.requestId)
      lines += answerLine
    }
    if (tracing !== undefined && !traceparent.test(field(names.traceparent) ?? '')) {
      cuts.push(names.traceparent, names.tracestate)
      lines += this.#trace(tracing.sample)
    }
    if (cuts.length > 0) cutFields(input, head.lineEnd, head.end, cuts, head)
    return { lines, answerLine }
  }

  /** A trace begins here: whoever makes spans below takes it from there. */
  #trace(sample: number): string {
    const flags = this.#random.next() < sample ? '01' : '00'
    return `traceparent: 00-${this.#hex(32)}-${this.#hex(16)}-${flags}\r\n`
  }

  /** So many hexadecimal digits, not all of them zero. */
  #hex(digits: number): string {
    let text = ''
    while (text.length < digits) {
      const part = Math.floor(this.#random.next() * 0x1_0000_0000)
      text += part.toString(16).padStart(8, '0')
    }
    return /[^0]/.test(text) ? text : `${text.slice(1)}1`
  }
}

function forwarded(as: TableTelling['as'], source: string, proto: string, host: string): string {
  let lines = ''
  if (as === 'x-forwarded' || as === 'both') {
    lines += `X-Forwarded-For: ${source}\r\nX-Forwarded-Proto: ${proto}\r\n`
    if (host !== '') lines += `X-Forwarded-Host: ${host}\r\n`
  }
  if (as === 'forwarded' || as === 'both') {
    // RFC 7239 4 and 6: what is no token is quoted, and IPv6 stands in brackets.
    const node = source.includes(':') ? `"[${source}]"` : source
    const asked = host === '' ? '' : `;host="${host.replaceAll(/["\\]/g, '\\$&')}"`
    lines += `Forwarded: for=${node === '' ? 'unknown' : node}${asked};proto=${proto}\r\n`
  }
  return lines
}
