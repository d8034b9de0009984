// Decides about one database for as long as it is this agent that should: a record that cannot be
// written, as on a full disk, ends nothing.

import type { DecidingBoard } from '../databases/board.ts'
import { type LeadOptions, leadDatabase } from '../databases/lead.ts'
import { describeError } from '../foundation/fault.ts'
import { type Clock, ms, sleep } from '../foundation/time.ts'

/** What it takes. */
export interface DecidingOptions {
  readonly board: DecidingBoard
  readonly clock: Clock
  readonly wish: LeadOptions['wish']
  readonly decided: LeadOptions['decided']
  /** Something for the journal: `why` completes "because …". */
  readonly event: (rule: string, why: string) => void
}

/** Before what failed once is tried again: somebody else may only have written before us. */
const soonAfter = ms(20)
/** Before what fails for the same reason is tried again. */
const againAfter = ms(500)

/**
 * Decides until the signal is aborted, and begins again after what fails. Every reason is said
 * once, and that it is over; what is decided in between is said when it is carried out. Where the
 * board is not in view nothing is decided: what it shows was seen earlier.
 */
export async function keepDeciding(
  { board, clock, wish, decided, event }: DecidingOptions,
  signal: AbortSignal,
): Promise<void> {
  let trouble: string | undefined
  let held: Parameters<LeadOptions['decided']> | undefined
  const carriedOut = (): void => {
    if (trouble === undefined) return
    trouble = undefined
    event('decides-again', 'what is decided can be written down again')
    if (held !== undefined) decided(...held)
  }
  const decidedNow: LeadOptions['decided'] = (...told) => {
    if (trouble === undefined) decided(...told)
    else held = told
  }
  while (!signal.aborted) {
    let pause = soonAfter
    held = undefined
    try {
      if (board.view().connected) {
        await leadDatabase({ board, clock, wish, decided: decidedNow, carriedOut }, signal)
      }
    } catch (thrown) {
      if (signal.aborted) return
      const why = describeError(thrown)
      if (why === trouble) pause = againAfter
      else event('decides-no-longer', why)
      trouble = why
    }
    await sleep(clock, pause, signal).catch(() => {})
  }
}
