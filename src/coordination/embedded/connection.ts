// What is one client's connection? Cuts what comes into frames, gathers what goes out, and knows
// how much of both may wait. Refuses to know what a request means.

import type { Batch } from './batch.ts'
import { getInt, Sink } from './bytes.ts'
import type { Identity } from './model.ts'
import type { ReadAsker } from './reads.ts'
import type { Session } from './sessions.ts'
import { Latency } from './stats.ts'
import type { Wire, WireListener } from './transport.ts'
import type { WatchedPath } from './watches.ts'

/** Why a connection is not read from; bits. */
export const pauseReason = { outstanding: 1, unsent: 2 } as const

/** Answers are sent when they are so many bytes, though the turn is not over. */
const pieceBytes = 256 * 1024

/** What a connection asks of its server. */
export interface Host {
  /** The longest frame that is taken. */
  readonly frameBytesMost: number
  /** A connection that lets more wait to be sent is closed. */
  readonly unsentBytesMost: number
  /** A whole frame came: `bytes[from, to)`. */
  frame(connection: Connection, bytes: Buffer, from: number, to: number): void
  /** A connection began with `word`; true if that was a four-letter word, and is answered. */
  word(connection: Connection, word: number): boolean
  /** Something waits to be sent when the turn ends. */
  willSend(connection: Connection): void
  /** A connection was heard. */
  beginTurn(connection: Connection | null): void
  /** Everything that came with one read was handed on. */
  endTurn(): void
  over(connection: Connection): void
  takeSink(): Sink
  giveSink(sink: Sink): void
}

/**
 * How far a connection has come: nothing said yet, a session on its way to the disk, a session, a
 * last answer on its way, gone.
 */
export type Stage = 'silent' | 'opening' | 'open' | 'ending' | 'over'

/** A client's connection, of the server's side. */
export class Connection implements ReadAsker, WireListener {
  readonly wire: Wire
  /** When it came, in milliseconds. */
  readonly since: number
  readonly #host: Host
  stage: Stage = 'silent'
  session: Session | null = null
  who: readonly Identity[]
  watched: Set<WatchedPath> | null = null
  /** The batch that its last write went to: what comes behind that write waits there. */
  behind: Batch<Connection> | null = null
  /** How many requests wait for the disk. */
  outstanding = 0
  /** Whether it asked for the flag that says whether the server is read-only; since 3.4. */
  knowsReadOnly = false
  packetsIn = 0
  packetsOut = 0
  /** -1: none yet. */
  lastOp = -1
  lastXid = -1
  lastZxid = -1
  lastAnswerAt = 0
  latency = new Latency()
  /** The beginning of a frame whose end has not come. */
  #held: Sink | null = null
  #out: Sink | null = null
  /** What the transport keeps until it is sent. */
  #lent: Sink[] | null = null
  #paused = 0

  constructor(wire: Wire, host: Host, now: number) {
    this.wire = wire
    this.#host = host
    this.since = now
    this.who = [{ scheme: 'ip', id: wire.address.replace(/^::ffff:/, '') }]
  }

  get isPaused(): boolean {
    return this.#paused !== 0
  }

  received(bytes: Buffer, length: number): void {
    this.#host.beginTurn(this)
    if (this.#held !== null) {
      this.#held.raw(bytes, 0, length)
      this.takeHeld()
    } else {
      const at = this.#take(bytes, 0, length)
      if (at < length && this.#isListening()) this.#hold(bytes, at, length)
    }
    this.#host.endTurn()
  }

  #isListening(): boolean {
    return this.stage !== 'over' && this.stage !== 'ending'
  }

  /** Goes on with what was held back. */
  takeHeld(): void {
    const held = this.#held
    if (held === null) return
    const at = this.#take(held.bytes, 0, held.length)
    if (at === 0 && this.#isListening()) return
    this.#held = null
    if (at < held.length && this.#isListening()) this.#hold(held.bytes, at, held.length)
  }

  #hold(bytes: Buffer, from: number, to: number): void {
    // As much as came, not as much as a length promises: a lying length costs its sender.
    const held = new Sink(Math.max(64, to - from))
    held.raw(bytes, from, to)
    this.#held = held
  }

  /** Hands on the whole frames of `bytes[from, to)`; returns where the rest begins. */
  #take(bytes: Buffer, from: number, to: number): number {
    let at = from
    while (to - at >= 4 && this.#isTaking()) {
      const length = getInt(bytes, at)
      if (this.stage === 'silent' && this.#host.word(this, length)) return to
      if (length < 0 || length > this.#host.frameBytesMost) {
        this.drop()
        return to
      }
      const end = at + 4 + length
      if (end > to) break
      this.packetsIn += 1
      this.#host.frame(this, bytes, at + 4, end)
      at = end
      this.flushPiece()
    }
    return at
  }

  /** Whether a next request is wanted: not before a session, and not while too much waits. */
  #isTaking(): boolean {
    return (this.stage === 'silent' || this.stage === 'open') && this.#paused === 0
  }

  /** Sends what was written, if it is much already: small questions can have large answers. */
  flushPiece(): void {
    if (this.#out !== null && this.#out.length >= pieceBytes) this.flush()
  }

  /** Where answers are written; they are sent when the turn ends. */
  output(): Sink {
    if (this.#out === null) {
      this.#host.willSend(this)
      this.#out = this.#host.takeSink()
    }
    return this.#out
  }

  notify(frame: Buffer): void {
    if (!this.#isListening()) return
    this.packetsOut += 1
    this.output().raw(frame)
  }

  /** Sends what was written. */
  flush(): void {
    const out = this.#out
    this.#out = null
    if (out === null) return
    if (this.stage !== 'over' && out.length > 0 && !this.wire.send(out.bytes, out.length)) {
      this.#lent ??= []
      this.#lent.push(out)
      if (this.wire.unsent > this.#host.unsentBytesMost) this.drop()
      else this.pause(pauseReason.unsent)
    } else {
      out.clear()
      this.#host.giveSink(out)
    }
    if (this.stage === 'ending') this.wire.end()
  }

  pause(reason: number): void {
    this.#paused |= reason
    this.wire.pause()
  }

  unpause(reason: number): void {
    if (this.#paused === 0) return
    this.#paused &= ~reason
    if (this.#paused !== 0 || !this.#isListening()) return
    this.takeHeld()
    if (!this.isPaused && this.#isListening()) this.wire.resume()
  }

  drained(): void {
    this.#host.beginTurn(this)
    // Memory of its own for each would be garbage that only a full collection finds.
    for (const sink of this.#lent ?? []) {
      sink.clear()
      this.#host.giveSink(sink)
    }
    this.#lent = null
    this.unpause(pauseReason.unsent)
    this.#host.endTurn()
  }

  closed(): void {
    this.#host.beginTurn(null)
    this.drop()
    this.#host.endTurn()
  }

  /** Counts anew: `crst`. */
  resetCounts(): void {
    this.packetsIn = 0
    this.packetsOut = 0
    this.lastOp = -1
    this.lastXid = -1
    this.lastZxid = -1
    this.lastAnswerAt = 0
    this.latency = new Latency()
  }

  /** Takes nothing more, and closes when what was written is sent. */
  end(): void {
    if (!this.#isListening()) return
    this.stage = 'ending'
    this.#held = null
    if (this.#out === null) this.wire.end()
  }

  /** Closes now. */
  drop(): void {
    if (this.stage === 'over') return
    this.stage = 'over'
    this.#held = null
    this.wire.destroy()
    this.#host.over(this)
  }
}
