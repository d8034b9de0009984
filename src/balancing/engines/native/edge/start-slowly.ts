// Which share of its weight does each server take now that some have only just come up?

import type { Milliseconds } from '../../../../foundation/time.ts'
import { slowShare } from '../../../policies/slow-start.ts'
import type { Server } from './server.ts'

/** Sets the shares at `now`, in milliseconds lived; whether any takes less than its weight. */
export function startSlowly(
  servers: readonly Server[],
  now: number,
  length: Milliseconds,
): boolean {
  let oldest = 0
  for (const server of servers) oldest = Math.max(oldest, now - server.upSince)
  let isSlow = false
  for (const server of servers) {
    server.slowShare = slowShare(now - server.upSince, oldest, length)
    isSlow ||= server.slowShare < 1
  }
  return isSlow
}
