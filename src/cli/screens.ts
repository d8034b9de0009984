// The streams of this process, as screens.

import type { WriteStream } from 'node:tty'
import { systemCode } from '../foundation/fault.ts'
import type { Screen } from './ports.ts'

const opened = new Map<NodeJS.WriteStream, Screen>()

/** The screen of a stream; the same one for the same stream. */
export function openScreen(stream: NodeJS.WriteStream): Screen {
  const screen = opened.get(stream) ?? newScreen(stream)
  opened.set(stream, screen)
  return screen
}

/**
 * A reader that has gone (EPIPE; EIO when a terminal was hung up) ends what is written for it,
 * quietly: it is not a failure of ours.
 */
function newScreen(stream: NodeJS.WriteStream): Screen {
  const closed = new AbortController()
  const tty: WriteStream | undefined = stream.isTTY ? (stream as WriteStream) : undefined
  stream.on('error', (error) => {
    if (!['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED'].includes(systemCode(error) ?? '')) throw error
    closed.abort()
  })
  return {
    write: (text) => {
      if (!closed.signal.aborted) stream.write(text)
    },
    // A terminal may not know its size, and says zero.
    get columns() {
      return tty === undefined ? Number.POSITIVE_INFINITY : tty.columns || 80
    },
    get rows() {
      return tty?.rows || Number.POSITIVE_INFINITY
    },
    isTerminal: tty !== undefined && process.env.TERM !== 'dumb',
    hasColor: tty?.hasColors() ?? false,
    closed: closed.signal,
  }
}
