// How is a stopped server started so that nothing of what it has is decided by that?

import { describeError } from '../../../foundation/fault.ts'
import type { Logs } from './logs.ts'
import { keepPending } from './pending.ts'
import type { MariadbServer } from './server.ts'

/**
 * Starts it to be frozen, promoted or to follow: a primary that crashed is cut back to what it had
 * finished, and the rest is kept; any other finishes what is in its log, which others wrote.
 */
export async function startAsReplica(
  server: MariadbServer,
  logs: Logs,
  signal: AbortSignal,
): Promise<void> {
  if (server.isRunning || !keepPending(server, logs)) return await server.start('MASTER', signal)
  try {
    await server.start('SLAVE', signal)
  } catch (thrown) {
    signal.throwIfAborted()
    // Not everything can be cut off: then it is finished, and counts as what this member has.
    server.options.event('tail-finished', describeError(thrown))
    await server.start('MASTER', signal)
  }
}
