// Who waits at a pool: for a server, or until the budget bears that it is sent again.

import type { Waiter } from '../../../hold.ts'
import type { Chooser } from '../../../policies/choose.ts'
import type { Server } from './server.ts'

/** Something that waits for a server of a pool. */
export interface PoolWaiter extends Waiter, Chooser {
  /** May be the one that tries an ejected server. */
  readonly mayTry: boolean
  /** It need not wait any longer; called once, after it has been taken from the queue. */
  admitted(server: Server): void
  /** It has waited as long as it may, or somebody who has fewer places needs this one. */
  waitedTooLong(ending?: 'hold-timeout' | 'hold-full'): void
}

/** A request that may be sent again, once the budget for repeats bears it. */
export interface Repeater extends Waiter {
  /** It may be sent now; called once, after it has been taken from the queue. */
  sendAgain(): void
  /** It has waited as long as it may. */
  waitedTooLong(): void
}
