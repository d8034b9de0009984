// What is seen of a server that shows nothing? Every engine begins with it. Pure.

import type { ServerSight } from './engine.ts'

/** Of a server that shows nothing. */
export const blank: ServerSight = {
  server: 'absent',
  why: undefined,
  writable: false,
  received: undefined,
  applied: undefined,
  upstream: undefined,
  receivedAt: undefined,
  lag: undefined,
  acks: undefined,
  diverged: false,
  receivers: {},
  clients: undefined,
}
