// What does the access log say of one request? A line of JSON, made of its timeline and of the head
// that was sent on: for requests that are not logged nothing is kept beside them. Pure.

import { type Ending, methods, type Timeline } from './timeline.ts'

/** What is known of a request, or a connection in TCP mode, beside its times. */
export interface Logged {
  readonly timeline: Timeline
  /** The head as it was sent on; `''` when there was none that could be read. */
  readonly start: string
  readonly frontend: string
  readonly service: string | undefined
  readonly client: string
  readonly secure: boolean
  /** What was agreed upon inside TLS; `''` for nothing. */
  readonly alpn: string
  /** The query may be shown. */
  readonly query: boolean
}

/** Went as it should: sampling may leave it out. */
export const wentWell = (ending: Ending, status: number): boolean =>
  ending === 'tunnel' || (ending === 'done' && status < 500 && status !== 0)

const odd = /[^ !#-[\]-~]/

/** A text as JSON; mostly it only needs its quotes. */
const quote = (text: string): string => (odd.test(text) ? JSON.stringify(text) : `"${text}"`)

/** Milliseconds to the microsecond; `null` for what has not happened. */
const time = (length: number): string =>
  length < 0 ? 'null' : String(Math.round(length * 1000) / 1000)

let second = -1
let secondText = ''

/** The moment in ISO 8601, to the millisecond. */
function stamp(at: number): string {
  const whole = Math.floor(at / 1000)
  if (whole !== second) {
    second = whole
    secondText = isoSecond(whole)
  }
  return `${secondText}${String(Math.floor(at) % 1000).padStart(3, '0')}Z`
}

/** `2026-11-22T21:31:34.` of seconds since 1970; by the calendar of RFC 3339. */
const isoSecond = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 20)

/** The fields of a head that a line shows. None of those that may hold a secret is among them. */
const shown = /\r\n(host|user-agent|x-request-id|traceparent):[ \t]*([^\r]*)/gi

/** The part of a line that the head says. */
function headPart(start: string, query: boolean): string {
  const methodEnd = start.indexOf(' ')
  const target = start.slice(methodEnd + 1, start.indexOf(' ', methodEnd + 1))
  const queryAt = query ? -1 : target.indexOf('?')
  let part =
    `,"method":${quote(start.slice(0, methodEnd))}` +
    `,"path":${quote(queryAt < 0 ? target : target.slice(0, queryAt))}`
  for (const [, name = '', value = ''] of start.matchAll(shown)) {
    switch (name.length) {
      case 4:
        part += `,"host":${quote(value)}`
        break
      case 10:
        part += `,"user_agent":${quote(value)}`
        break
      case 12:
        part += `,"request_id":${quote(value)}`
        break
      default:
        part += `,"trace_id":${quote(value.slice(3, 35))}`
    }
  }
  return part
}

/** The line, with its newline. */
export function accessLine(of: Logged): string {
  const { timeline, start } = of
  let line =
    `{"time":"${stamp(timeline.begun)}","frontend":"${of.frontend}"` +
    `,"client":"${of.client}","status":${timeline.status},"ending":"${timeline.ending}"`
  if (start !== '') line += headPart(start, of.query)
  else if (timeline.method < methods.length - 1) line += `,"method":"${methods[timeline.method]}"`
  if (of.service !== undefined) line += `,"service":"${of.service}"`
  if (timeline.server !== undefined) line += `,"server":"${timeline.server}"`
  line +=
    `,"tries":${timeline.tries},"bytes_in":${timeline.bytesIn},"bytes_out":${timeline.bytesOut}` +
    `,"queue_ms":${time(timeline.queued)},"hold_ms":${time(timeline.held - timeline.queued)}` +
    `,"connect_ms":${time(timeline.connect)},"first_byte_ms":${time(timeline.wait)}` +
    `,"total_ms":${time(timeline.total)}`
  return `${line}${of.secure ? `,"tls":true,"alpn":"${of.alpn}"` : ''}}\n`
}
