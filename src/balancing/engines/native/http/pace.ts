// Does a client send its request, and read its answer, as fast as its frontend asks for?

import type { PaceRule } from '../../../model.ts'
import type { Deadlines, Expiring } from '../edge/deadlines.ts'
import type { Connection } from '../transport/transport.ts'
import type { Intake } from './intake.ts'

/** Milliseconds between two looks at a client that has something to do. */
const beat = 200

/** A client connection, as its pace sees it. */
export interface Paced {
  readonly connection: Pick<Connection, 'pending'>
  readonly intake: Pick<Intake, 'isStopped'>
  /** Its request has been read to the end. */
  readonly requestDone: boolean
  /** A part of a head has come. */
  readonly isReading: boolean
  /** It has a request in flight. */
  readonly isBusy: boolean
  readonly exchange: {
    readonly timeline: { readonly bytesIn: number; readonly bytesOut: number }
    readonly upstream:
      | { readonly isOpen: boolean; readonly connection: Pick<Connection, 'pending'> }
      | undefined
  }
  readonly shared: { readonly deadlines: Deadlines }
  readonly door: { readonly row: { readonly pace?: PaceRule } }
  /** It has had its time: it is answered 408 or closed. */
  tooSlow(): void
}

/** Bytes in one direction, in stretches of time that count. */
class Stretch {
  #counted = 0
  #from = 0

  begin(bytes: number): void {
    this.#counted = 0
    this.#from = bytes
  }

  /** Adds `elapsed` milliseconds, after which it is at `bytes`; false when they were too few. */
  add(elapsed: number, bytes: number, slow: NonNullable<PaceRule['slow']>): boolean {
    this.#counted += elapsed
    if (this.#counted < slow.for) return true
    const isFast = (bytes - this.#from) * 1000 >= slow.below * this.#counted
    this.begin(bytes)
    return isFast
  }
}

/**
 * The pace of one client connection. It looks only while some of a request is missing or some of
 * an answer is not taken, and counts no time in which the client had to wait for us: while nobody
 * takes its body, or nothing is there to read.
 */
export class Pace implements Expiring {
  readonly #client: Paced
  readonly #place: number
  #rule: PaceRule
  #isOn = false
  /** Milliseconds lived at the last look. */
  #at = 0
  /** Milliseconds that the client has taken for its request. */
  #taken = 0
  readonly #in = new Stretch()
  readonly #out = new Stretch()

  constructor(client: Paced, rule: PaceRule) {
    this.#client = client
    this.#rule = rule
    this.#place = client.shared.deadlines.take(this)
  }

  /** Its next request begins. */
  begin(rule: PaceRule): void {
    this.#rule = rule
    this.#at = this.#client.shared.deadlines.now
    this.#taken = 0
    this.#in.begin(0)
    this.#out.begin(0)
  }

  /** Something is missing, or not taken yet: looks from now on. */
  mind(): void {
    if (this.#isOn) return
    this.#isOn = true
    const { deadlines } = this.#client.shared
    this.#at = deadlines.now
    deadlines.set(this.#place, this.#wait)
  }

  get #wait(): number {
    const { request = Infinity, slow } = this.#rule
    return Math.min(beat, request - this.#taken, slow?.for ?? Infinity)
  }

  get #isSending(): boolean {
    const { isReading, isBusy, requestDone } = this.#client
    return isReading || (isBusy && !requestDone)
  }

  /** Its body has nowhere to go at present. */
  get #waitsForUs(): boolean {
    const { isReading, intake, exchange } = this.#client
    if (isReading) return false
    const { upstream } = exchange
    return intake.isStopped || !upstream?.isOpen || upstream.connection.pending > 0
  }

  expired(): void {
    const client = this.#client
    const { deadlines } = client.shared
    const elapsed = deadlines.now - this.#at
    this.#at = deadlines.now
    const isSending = this.#isSending
    const isUnread = client.connection.pending > 0
    this.#isOn = isSending || isUnread
    if (!this.#isOn) return
    // Set before it is told: what that does may end this pace, or need it again.
    const isInTime = this.#look(elapsed, isSending && !this.#waitsForUs, isUnread)
    deadlines.set(this.#place, this.#wait)
    if (!isInTime) client.tooSlow()
  }

  /** Counts; false when it is over. */
  #look(elapsed: number, sends: boolean, isUnread: boolean): boolean {
    const { request = Infinity, slow } = this.#rule
    if (sends) this.#taken += elapsed
    if (sends && this.#taken >= request) return false
    if (slow === undefined) return true
    const { isReading, exchange } = this.#client
    const { bytesIn, bytesOut } = exchange.timeline
    if (sends && !isReading && !this.#in.add(elapsed, bytesIn, slow)) return false
    return !isUnread || this.#out.add(elapsed, bytesOut, slow)
  }

  /** It is looked at no more. */
  end(): undefined {
    this.#client.shared.deadlines.give(this.#place)
  }
}

/** The pace for the next request of a client; `undefined` where its frontend asks for none. */
export function paceOf(client: Paced, before: Pace | undefined): Pace | undefined {
  const rule = client.door.row.pace
  if (rule === undefined) return before?.end()
  const pace = before ?? new Pace(client, rule)
  pace.begin(rule)
  return pace
}
