// How is a stopped server started so that nothing of what it has is decided by that?

import { describeError } from '../../../foundation/fault.ts'
import { readMark, writeMark } from '../mysql-kin/data-folder.ts'
import { literal } from '../mysql-kin/session.ts'
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
  if (server.isRunning || !keepPending(server, logs)) {
    await server.start('MASTER', signal)
    return await beginTaken(server, signal)
  }
  try {
    await server.start('SLAVE', signal)
  } catch (thrown) {
    signal.throwIfAborted()
    // Not everything can be cut off: then it is finished, and counts as what this member has.
    server.options.event('tail-finished', describeError(thrown))
    await server.start('MASTER', signal)
  }
}

/** A server that was taken over has its old log elsewhere; what it had replicated says the same. */
async function beginTaken(server: MariadbServer, signal: AbortSignal): Promise<void> {
  const mark = readMark(server.options.data)
  if (mark?.begins === undefined) return
  const session = await server.session(signal)
  const { slave } = await session.one('SELECT @@global.gtid_slave_pos AS slave', signal)
  // A former primary may have kept where it once was as a replica.
  if (slave !== '' && String(slave) !== mark.begins) {
    await session.query(`SET GLOBAL gtid_slave_pos = ${literal(mark.begins)}`, signal)
  }
  writeMark(server.options.data, { ...mark, begins: undefined })
}
