// What does the agent hear of a mistake of ours?

import { describeError } from '../../../../foundation/fault.ts'
import type { EdgeMessage } from '../protocol.ts'

/** Something failed while a connection was served; that connection has been closed. */
export const faultOf = (edge: number, thrown: unknown): EdgeMessage => ({
  kind: 'event',
  rule: 'edge-fault',
  subject: `edge-${edge}`,
  why: `serving a connection failed: ${describeError(thrown)}`,
  seen: { stack: thrown instanceof Error ? thrown.stack : undefined },
})
