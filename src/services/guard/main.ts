// The entry of a guard process: `main STATE ID`, with its order on standard input, so that nothing
// of it is seen in a process list. Says `ready` on standard output once the replica is under way.

import { readFileSync, writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { identify } from '../../control/processes.ts'
import { describeError, systemCode } from '../../foundation/fault.ts'
import { invariant } from '../../foundation/invariant.ts'
import { openRandom } from '../../foundation/random.ts'
import { openClock } from '../../foundation/time.ts'
import { openGuard } from './guard.ts'
import type { GuardOrder } from './protocol.ts'

/** An agent that died meanwhile hears nothing; its successor finds the record. */
function say(word: string): void {
  try {
    writeSync(1, `${word}\n`)
  } catch (thrown) {
    if (systemCode(thrown) !== 'EPIPE') throw thrown
  }
}

try {
  const [state = '', id = ''] = process.argv.slice(2)
  const order = JSON.parse(readFileSync(0, 'utf8')) as GuardOrder
  invariant(order.id === id, 'a guard is given the order of the replica that it is named for')
  const self = identify(process.pid)
  invariant(self !== undefined, 'a process sees itself in /proc')
  const guard = await openGuard(order, {
    state,
    self,
    clock: openClock(),
    random: openRandom(),
    ended: () => process.exit(0),
  })
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => guard.stop())
  // Neither a closed terminal nor a reader that went away is a reason to leave a replica alone.
  process.on('SIGHUP', () => undefined)
  say('ready')
  flushCompileCache()
} catch (thrown) {
  writeSync(2, `${describeError(thrown)}\n`)
  process.exit(1)
}
