// The entry of the guard of a database server: `main FOLDER MEMBER VERSION`. Says `ready` on
// standard output once its door is open.

import { writeSync } from 'node:fs'
import { flushCompileCache } from 'node:module'
import { identify } from '../../control/processes.ts'
import { describeError, systemCode } from '../../foundation/fault.ts'
import { invariant } from '../../foundation/invariant.ts'
import { openClock } from '../../foundation/time.ts'
import { voucherOf } from '../engines/vouchers.ts'
import { openGuard } from './guard.ts'
import { guardPaths } from './paths.ts'

/** An agent that died meanwhile hears nothing; its successor finds the record. */
function say(word: string): void {
  try {
    writeSync(1, `${word}\n`)
  } catch (thrown) {
    if (systemCode(thrown) !== 'EPIPE') throw thrown
  }
}

try {
  const [folder = '', member = '', version = ''] = process.argv.slice(2)
  const self = identify(process.pid)
  invariant(self !== undefined, 'a process sees itself in /proc')
  await openGuard({
    ...{ member, version, self, clock: openClock(), vouchers: voucherOf },
    ...guardPaths(folder, member),
    ended: () => process.exit(0),
  })
  // Only its agent ends it: neither a closed terminal nor a shutdown that reaches all at once is a
  // reason to end a database before its clients have gone.
  for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM'] as const) process.on(signal, () => undefined)
  say('ready')
  flushCompileCache()
} catch (thrown) {
  writeSync(2, `${describeError(thrown)}\n`)
  process.exit(1)
}
