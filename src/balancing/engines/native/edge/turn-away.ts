// What happens to a connection that is one too many: it is told so, and soon forgotten.

import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import type { Door } from './door.ts'
import type { Shared } from './shared.ts'

/** For the client to read its answer: a reset would take it away (RFC 9112 9.6). */
const lingerTime = 1000

/**
 * Answers 503, or breaks the connection where no answer would be understood (in TCP mode, before a
 * TLS handshake), without a place among the door's clients.
 */
export function turnAway(connection: Connection, door: Door, shared: Shared): ConnectionOwner {
  const understands = door.row.mode === 'http' && connection.secure === (door.row.tls !== undefined)
  door.count(understands ? 503 : 0)
  let isOver = false
  const over = (): void => {
    if (isOver) return
    isOver = true
    shared.deadlines.give(place)
    connection.close()
  }
  const place = shared.deadlines.take({ expired: over })
  shared.deadlines.set(place, lingerTime)
  if (understands) {
    const lines = 'Retry-After: 1\r\nConnection: close\r\n'
    connection.write(door.answers.text({ status: 503, lines, headOnly: false }, shared.date.line))
    connection.end()
  } else {
    isOver = true
    shared.deadlines.give(place)
    connection.reset()
  }
  const nothing = (): void => undefined
  return {
    ...{ connected: nothing, received: nothing, drained: nothing },
    ...{ ended: over, unwritable: over, failed: over },
  }
}
