// Who waits at a pool: for a server, or until the budget bears that it is sent again.

import type { HoldQueue, Waiter } from '../../../hold.ts'
import type { Chooser } from '../../../policies/choose.ts'
import type { Server } from './server.ts'

/** Something that waits for a server of a pool. */
export interface PoolWaiter extends Waiter {
  readonly chooser: Chooser
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

/** The two queues of a pool. */
interface Queues {
  readonly hold: HoldQueue<PoolWaiter>
  readonly repeats: HoldQueue<Repeater>
}

/** Nobody waits any more for what stands in one of the queues. */
export function withdraw({ hold, repeats }: Queues, waiter: PoolWaiter & Repeater): void {
  if (!hold.remove(waiter)) repeats.remove(waiter)
}

/** Others in its queue come before it from now on; `end` says of it that its client has ended. */
export function lower(queues: Queues, waiter: PoolWaiter & Repeater, end: () => void): void {
  if (queues.hold.has(waiter)) queues.hold.lower(waiter, end)
  else queues.repeats.lower(waiter, end)
}
