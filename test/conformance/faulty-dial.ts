// A network that fails when it is told to, at the client's end: every server, real or simulated,
// can be cut off with it.

import type { Dial, Line } from '../../src/coordination/client/transport.ts'

/** Connections through `dial`, and what may be done to them. */
export interface FaultyDial {
  readonly dial: Dial
  /** Connections begun so far. */
  readonly dialed: number
  /** Ends every connection there is, as a reset would. */
  cut(): void
  /** While true, every new connection is refused, as by a machine where nobody listens. */
  refuse(on: boolean): void
  /**
   * From now on nothing passes in either direction, and nobody is told: a cable pulled. What is
   * silent stays so; after `silence(false)` new connections pass.
   */
  silence(on: boolean): void
}

/** Wraps a dial so that a test can harm its connections. */
export function faultyDial(inner: Dial): FaultyDial {
  const open = new Set<() => void>()
  let silent = false
  let refusing = false
  let dialed = 0
  const dial: Dial = (host, listener) => {
    dialed += 1
    if (refusing) setImmediate(() => listener.closed(new Error('refused by the test')))
    if (silent || refusing) return { write: () => {}, destroy: () => {} }
    let muted = false
    const line: Line = inner(host, {
      opened: () => muted || listener.opened(),
      data: (chunk) => muted || listener.data(chunk),
      closed: (why) => {
        open.delete(fail)
        mutes.delete(mute)
        if (!muted) listener.closed(why)
      },
    })
    const fail = (): void => {
      open.delete(fail)
      line.destroy()
      if (!muted) setImmediate(() => listener.closed(new Error('cut by the test')))
    }
    const mute = (): void => {
      muted = true
    }
    mutes.add(mute)
    open.add(fail)
    return {
      write: (bytes) => {
        if (!muted) line.write(bytes)
      },
      destroy: () => {
        open.delete(fail)
        // A muted connection stays open at the server's end: it must find out by itself.
        if (!muted) line.destroy()
        else abandoned.add(line)
      },
    }
  }
  const mutes = new Set<() => void>()
  const abandoned = new Set<Line>()
  return {
    dial,
    get dialed() {
      return dialed
    },
    cut: () => {
      for (const fail of [...open]) fail()
    },
    refuse: (on) => {
      refusing = on
    },
    silence: (on) => {
      silent = on
      if (on) for (const mute of mutes) mute()
      else for (const line of abandoned) line.destroy()
    },
  }
}
