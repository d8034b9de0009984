// Servers with new settings restart one after the other: whose turn it is, is a lock in the very
// ensemble that they are.

import { randomUUID } from 'node:crypto'
import { describeError } from '../../foundation/fault.ts'
import { type Clock, ms, sleep } from '../../foundation/time.ts'
import type { Coordinator } from '../coordinator.ts'
import { whileHolding } from '../recipes/locks.ts'
import { inSessions } from '../zookeeper.ts'

/** What it takes to ask for a turn. */
export interface TurnOptions {
  readonly clock: Clock
  readonly machine: string
  /** Opens a session with the ensemble. */
  readonly open: (signal: AbortSignal) => Promise<Coordinator & AsyncDisposable>
  readonly heard: (rule: string, why: string) => void
}

/** The turn of one machine. */
export interface Turn extends Disposable {
  readonly isHeld: boolean
  /** Begins to wait for it; while it is waited for or held, this does nothing. */
  ask(): void
  yield(): void
}

const lock = '/ensemble-turn'
const restMs = ms(1000)

/** Nothing is asked for before `ask`. */
export function openTurn({ clock, machine, open, heard }: TurnOptions): Turn {
  let asking: AbortController | undefined
  let isHeld = false
  const run = async (signal: AbortSignal): Promise<void> => {
    while (!signal.aborted) {
      try {
        await inSessions(
          open,
          (coordinator, over) =>
            whileHolding(
              coordinator,
              lock,
              `${machine}-${randomUUID()}`,
              over,
              async (_lock, held) => {
                isHeld = true
                await new Promise((resolve) => held.addEventListener('abort', resolve))
              },
            ),
          signal,
        )
      } catch (thrown) {
        if (!signal.aborted) {
          heard('turn-lost', describeError(thrown))
          await sleep(clock, restMs, signal).catch(() => undefined)
        }
      } finally {
        isHeld = false
      }
    }
  }
  const end = (): void => {
    asking?.abort()
    asking = undefined
  }
  return {
    get isHeld() {
      return isHeld
    },
    ask() {
      if (asking !== undefined) return
      asking = new AbortController()
      void run(asking.signal)
    },
    yield: end,
    [Symbol.dispose]: end,
  }
}
