// One connection to one server: frames out, frames in, and when it last gave and took any. Knows
// nothing of sessions; what fails here fails only this connection.

import type { Clock, Instant } from '../../foundation/time.ts'
import { type Reader, Writer } from '../../wire/jute/archive.ts'
import { frameSplitter } from '../../wire/jute/frames.ts'
import type { Host } from './model.ts'
import type { Dial, Line } from './transport.ts'

/** What a channel tells its owner; nothing after `destroy`. */
export interface ChannelListener {
  opened(): void
  /** The reader is only lent. What this throws ends the channel, and is its reason. */
  frame(from: Reader): void
  /** Called once, unless the owner has destroyed it. */
  closed(why: Error | undefined): void
}

/** A connection that is being made, or stands, or has ended. */
export class Channel {
  /** What is written here goes out with the next flush. */
  readonly writer = new Writer(16 * 1024)
  readonly #clock: Clock
  readonly #listener: ChannelListener
  readonly #line: Line
  #heard: Instant
  #sent: Instant
  #flushing = false
  #ended = false

  constructor(
    dial: Dial,
    host: Host,
    clock: Clock,
    frameBytesMost: number,
    listener: ChannelListener,
  ) {
    this.#clock = clock
    this.#listener = listener
    this.#heard = clock.now()
    this.#sent = this.#heard
    const frames = frameSplitter(frameBytesMost)
    const frame = (from: Reader): void => {
      if (!this.#ended) listener.frame(from)
    }
    this.#line = dial(host, {
      opened: () => listener.opened(),
      data: (chunk) => {
        this.#heard = clock.now()
        try {
          frames.push(chunk, frame)
        } catch (thrown) {
          this.#end(thrown as Error)
        }
      },
      closed: (why) => this.#end(why),
    })
  }

  /** When bytes last came. */
  get heard(): Instant {
    return this.#heard
  }

  /** When bytes last went. */
  get sent(): Instant {
    return this.#sent
  }

  /** Sends what is written, before this returns. */
  flush(): void {
    if (this.#ended || this.writer.length === 0) return
    this.#sent = this.#clock.now()
    this.#line.write(this.writer.take())
  }

  /**
   * Calls `fill` and sends what it wrote once everything that runs now has run, so that what is
   * asked together travels together.
   */
  flushSoon(fill: () => void): void {
    if (this.#flushing) return
    this.#flushing = true
    process.nextTick(() => {
      this.#flushing = false
      if (this.#ended) return
      fill()
      this.flush()
    })
  }

  /** Gives the connection up; the listener hears nothing of it any more. */
  destroy(): void {
    this.#ended = true
    this.#line.destroy()
  }

  #end(why: Error | undefined): void {
    if (this.#ended) return
    this.destroy()
    this.#listener.closed(why)
  }
}
