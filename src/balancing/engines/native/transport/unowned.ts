// The owner of a connection that nobody listens to: before one is named, and after a fault.

import type { ConnectionOwner } from './transport.ts'

/** Hears everything, and does nothing. */
export const unowned: ConnectionOwner = {
  connected: () => undefined,
  received: () => undefined,
  ended: () => undefined,
  drained: () => undefined,
  unwritable: () => undefined,
  failed: () => undefined,
}
