// The streams of this process, as screens.

import type { WriteStream } from 'node:tty'
import { systemCode } from '../foundation/fault.ts'
import type { Screen } from './ports.ts'

/** A screen that knows whether what was written reached its stream. */
export interface StreamScreen extends Screen {
  /** Why what was written last is lost, if it is: a full disk, say. */
  readonly lost: Error | undefined
}

const opened = new Map<NodeJS.WriteStream, StreamScreen>()

/** The screen of a stream; the same one for the same stream. */
export function openScreen(stream: NodeJS.WriteStream): StreamScreen {
  const screen = opened.get(stream) ?? newScreen(stream)
  opened.set(stream, screen)
  return screen
}

const endings: readonly string[] = ['EPIPE', 'EIO', 'ERR_STREAM_DESTROYED']
/** Of a disk, of a user's share of it, of a file. */
const fullness: readonly string[] = ['ENOSPC', 'EDQUOT', 'EFBIG']

/**
 * A reader that has gone (EPIPE; EIO when a terminal was hung up) ends what is written for it,
 * quietly: it is not a failure of ours. Where the disk is full, what is written then is lost, and
 * nothing else: an agent must not end because its words cannot be kept.
 */
function newScreen(stream: NodeJS.WriteStream): StreamScreen {
  const closed = new AbortController()
  let lost: Error | undefined
  const tty: WriteStream | undefined = stream.isTTY ? (stream as WriteStream) : undefined
  stream.on('error', (error) => {
    if (endings.includes(systemCode(error) ?? '')) closed.abort()
    else if (!fullness.includes(systemCode(error) ?? '')) throw error
  })
  return {
    write: (text) => {
      if (closed.signal.aborted) return
      stream.write(text, (error) => {
        lost = error ?? undefined
      })
    },
    get lost() {
      return closed.signal.aborted ? undefined : lost
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
