// Two connections that carry each other's bytes until both sides have ended.

import type { Connection, ConnectionOwner } from '../transport/transport.ts'

/** What whoever joined them is told. */
export interface SpliceListener {
  /** Bytes passed from the first to the second. */
  up(count: number): void
  /** Bytes passed from the second to the first. */
  down(count: number): void
  /** Both connections are closed; called once. */
  over(): void
}

/**
 * Joins two open connections: what comes from one goes to the other, as fast as that takes it; an
 * end goes on as an end, a break as a break. Returns what breaks both off.
 */
export function splice(
  client: Connection,
  server: Connection,
  listener: SpliceListener,
): () => void {
  let isOver = false
  const ended = { client: false, server: false }
  const finish = (broken: boolean): void => {
    if (isOver) return
    isOver = true
    for (const connection of [client, server]) {
      if (broken) connection.reset()
      else connection.close()
    }
    listener.over()
  }
  const maybeFinish = (): void => {
    if (ended.client && ended.server && client.pending === 0 && server.pending === 0) finish(false)
  }
  const side = (
    from: Connection,
    to: Connection,
    name: 'client' | 'server',
    count: (bytes: number) => void,
  ): ConnectionOwner => ({
    connected: () => undefined,
    received: (bytes, end) => {
      count(end)
      from.passOn(to, bytes, 0, end)
    },
    ended: () => {
      ended[name] = true
      to.end()
      maybeFinish()
    },
    drained: maybeFinish,
    unwritable: () => finish(true),
    failed: () => finish(true),
  })
  client.owner = side(client, server, 'client', (count) => listener.up(count))
  server.owner = side(server, client, 'server', (count) => listener.down(count))
  client.resume()
  server.resume()
  return () => finish(true)
}
