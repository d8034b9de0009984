// Which connection waits for which? Whoever was given more than it can pass on reads no more.

import type { Connection } from './transport.ts'

/**
 * One side of a flow: a connection of ours that bytes are passed on to, or from. The connection it
 * was read from (`fedBy`) waits until what was passed on has been taken.
 */
export abstract class Flow {
  /** See `Connection`. */
  pending = 0
  /** The connection that has to take what came from this one before more is read. */
  feeds: Flow | undefined
  fedBy: Flow | undefined

  /** What was passed on has been taken: this one is read from again. */
  abstract goOn(): void

  /** All that was written has been taken: whoever waits for that goes on. */
  protected release(): void {
    const source = this.fedBy
    this.fedBy = undefined
    if (source !== undefined) source.goOn()
  }

  /** Waits for `to`; false when there is nothing to wait for. */
  protected follow(to: Connection): boolean {
    if (!(to instanceof Flow) || to.pending === 0) return false
    this.feeds = to
    to.fedBy = this
    return true
  }

  /** Waits no longer. */
  protected unfollow(): void {
    if (this.feeds === undefined) return
    this.feeds.fedBy = undefined
    this.feeds = undefined
  }
}
