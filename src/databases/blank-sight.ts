// What is seen of a server that shows nothing? Every engine begins with it. Pure.

import type { Instant } from '../foundation/time.ts'
import type { ServerSight } from './engine.ts'

/** When a member was heard that never was. */
export const never = 0 as Instant

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
