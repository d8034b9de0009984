// Ends what is left of a replica that no guard ends: asked first, killed when patience is over.

import { familyOf, type Kin } from '../../../control/leftovers.ts'
import { isAlive, type ProcessIdentity, signalProcess } from '../../../control/processes.ts'
import { type Clock, type Instant, ms, sleep } from '../../../foundation/time.ts'

/** How the family is to be ended. */
export interface Farewell {
  readonly kin: Kin
  readonly stopSignal: NodeJS.Signals
  /** From here on by SIGKILL; asked anew at each look, since patience may be shortened. */
  deadline(): Instant
}

/** The first look, and the longest wait between two looks: each reads all of /proc. */
const look = { first: 20, factor: 1.5, most: 250 }

/** Resolves when nothing of the family is alive. */
export function endFamily({ kin, stopSignal, deadline }: Farewell, clock: Clock): Promise<void> {
  const asked = new Set<number>()
  return new Promise((resolve) => {
    const round = (wait: number): void => {
      const family = familyOf(kin)
      if (family.length === 0) {
        resolve()
        return
      }
      const left = deadline() - clock.now()
      const overdue = left <= 0
      for (const one of family) {
        if (overdue) signalProcess(one, 'SIGKILL')
        else if (!asked.has(one.pid)) {
          signalProcess(one, stopSignal)
          signalProcess(one, 'SIGCONT')
        }
        asked.add(one.pid)
      }
      const next = overdue ? look.first : Math.min(wait, left)
      clock.after(ms(next), () => round(Math.min(wait * look.factor, look.most)))
    }
    round(look.first)
  })
}

/** Asks one process to end, and resolves when it has, or at the deadline. */
export async function endGently(
  target: ProcessIdentity,
  deadline: Instant,
  clock: Clock,
): Promise<void> {
  signalProcess(target, 'SIGTERM')
  while (isAlive(target) && clock.now() < deadline) await sleep(clock, ms(look.first))
}
