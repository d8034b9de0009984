// When did what happen to a request, and how did it end? Numbers on one object, which the exchange
// of a connection uses again for the next request: to write them costs next to nothing.

import { type Instant, instant } from '../../../../foundation/time.ts'

/** How a request, or a connection in TCP mode, came to its end. */
export type Ending =
  /** A server's answer went out whole. */
  | 'done'
  /** Both connections became a tunnel, which has ended. */
  | 'tunnel'
  /** Answered by ourselves, because of what the client sent. */
  | 'bad-request'
  | 'no-route'
  /** Answered by ourselves, because a rule says so: redirected, refused, limited, closed. */
  | 'by-rule'
  /** Some of the request did not come in time. */
  | 'client-slow'
  /** Answered by ourselves: there was no place to wait in, or it waited as long as it may. */
  | 'hold-full'
  | 'hold-timeout'
  /** Answered by ourselves, because of what its last server did. */
  | 'refused'
  | 'reset'
  | 'silent'
  /** The client went away, or had to, before all was said. */
  | 'client-gone'
  /** A connection whose server was called down, or replaced, and had to be broken. */
  | 'cut'
  /** The server broke off in the middle of its answer. */
  | 'answer-broken'

/** Methods that are told apart; others count as the last one. */
export const methods = [
  'GET',
  'HEAD',
  'POST',
  'PUT',
  'DELETE',
  'PATCH',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  '_OTHER',
] as const

const other = methods.length - 1

/** Whether a method asks for no change (RFC 9110 9.2.1): two at once are as good as one. */
export const isSafe = (method: number): boolean =>
  method <= 1 || methods[method] === 'OPTIONS' || methods[method] === 'TRACE'

/** The number of a method in `methods`, told by its first letters and its length. */
export function methodOf(bytes: Uint8Array, start: number, end: number): number {
  switch (end - start) {
    case 3:
      if (bytes[start] === 0x47) return is(bytes, start, 0)
      return is(bytes, start, 3)
    case 4:
      return is(bytes, start, bytes[start] === 0x48 ? 1 : 2)
    case 5:
      return is(bytes, start, bytes[start] === 0x50 ? 5 : 7)
    case 6:
      return is(bytes, start, 4)
    case 7:
      return is(bytes, start, bytes[start] === 0x4f ? 6 : 8)
    default:
      return other
  }
}

/** `method`, if that is what stands at `start`; the length is known to fit. */
function is(bytes: Uint8Array, start: number, method: number): number {
  const name = methods[method] as string
  for (let at = 0; at < name.length; at += 1) {
    if (bytes[start + at] !== name.charCodeAt(at)) return other
  }
  return method
}

const never = instant(-1)

/**
 * The times of one request, in milliseconds with fractions on the edge's monotonic clock; -1 for
 * what has not happened. What comes again for another try (`assigned`, `sent`, `firstByte`) is of
 * the last one.
 */
export class Timeline {
  /** Its head had been read. */
  begun: Instant = never
  /** Milliseconds spent waiting, altogether: for a server, for a place on one, for the budget. */
  held = 0
  /** Of these, while a server was up. */
  queued = 0
  #isQueue = false
  #heldFrom: Instant = never
  /** It was given to a server: connecting begins, or a resting connection is at hand. */
  assigned: Instant = never
  /** Its head was written. */
  sent: Instant = never
  /** The first byte of an answer came, be it an interim one. */
  firstByte: Instant = never
  /** Its last byte was given to the system, or it broke. */
  ended: Instant = never
  /** How often it was sent. */
  tries = 0
  /** Of `methods`. */
  method = other
  /** What the client was answered; 0 for nothing. */
  status = 0
  /** Head and body, as they came from the client and as they went to it. */
  bytesIn = 0
  bytesOut = 0
  /** The server of the last try. */
  server: string | undefined
  ending: Ending = 'done'

  /** A new request begins; forgets the last one. */
  begin(now: Instant): this {
    this.begun = now
    this.held = 0
    this.queued = 0
    this.#heldFrom = never
    this.assigned = never
    this.sent = never
    this.firstByte = never
    this.ended = never
    this.tries = 0
    this.method = other
    this.status = 0
    this.bytesIn = 0
    this.bytesOut = 0
    this.server = undefined
    this.ending = 'done'
    return this
  }

  /** It has to wait from now on, for a server, or for a place on one that is up. */
  hold(now: Instant, isQueue: boolean): void {
    this.#heldFrom = now
    this.#isQueue = isQueue
  }

  /** It waits no longer. */
  release(now: Instant): void {
    if (this.#heldFrom < 0) return
    this.held += now - this.#heldFrom
    if (this.#isQueue) this.queued += now - this.#heldFrom
    this.#heldFrom = never
  }

  /** Goes to a server: another one, or the same over a fresh connection. */
  assign(server: string, now: Instant): void {
    this.server = server
    this.assigned = now
    this.sent = never
    this.firstByte = never
  }

  /** Another server has it, too, and is the one that answers. */
  change(server: string, assigned: Instant, sent: Instant, firstByte: Instant): void {
    this.server = server
    this.assigned = assigned
    this.sent = sent
    this.firstByte = firstByte
  }

  /** Its head goes out to the server. */
  send(now: Instant): void {
    this.tries += 1
    this.sent = now
  }

  /** Milliseconds until the last try's connection could be written to; -1 if it never could. */
  get connect(): number {
    return this.sent < 0 ? -1 : this.sent - this.assigned
  }

  /** Milliseconds from sending to the first byte of the answer; -1 if none came. */
  get wait(): number {
    return this.firstByte < 0 ? -1 : this.firstByte - this.sent
  }

  /** Milliseconds from the whole head to the end. */
  get total(): number {
    return this.ended - this.begun
  }
}
