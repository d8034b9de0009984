// Decides about a database whose members all run on this machine: nobody else would, so a record
// that cannot be written, as on a full disk, ends nothing.

import type { DecidingBoard } from '../databases/board.ts'
import { type LeadOptions, leadDatabase } from '../databases/lead.ts'
import { describeError } from '../foundation/fault.ts'
import { type Clock, ms, sleep } from '../foundation/time.ts'

/** What it takes. */
export interface DecideAloneOptions {
  readonly board: DecidingBoard
  readonly clock: Clock
  readonly wish: LeadOptions['wish']
  readonly decided: LeadOptions['decided']
  /** Something for the journal: `why` completes "because …". */
  readonly event: (rule: string, why: string) => void
}

/** Before what could not be carried out is tried again; members were heard anew by then. */
const againAfter = ms(500)

/**
 * Decides until the signal is aborted, and begins again after what fails. Every reason is said
 * once, and that it is over; what is decided in between is said when it is carried out.
 */
export async function decideAlone(
  { board, clock, wish, decided, event }: DecideAloneOptions,
  signal: AbortSignal,
): Promise<void> {
  let trouble: string | undefined
  let held: Parameters<LeadOptions['decided']> | undefined
  while (!signal.aborted) {
    held = undefined
    try {
      await leadDatabase(
        {
          ...{ board, clock, wish },
          decided(...told) {
            if (trouble === undefined) decided(...told)
            else held = told
          },
          carriedOut() {
            if (trouble === undefined) return
            trouble = undefined
            event('decides-again', 'what is decided can be written down again')
            if (held !== undefined) decided(...held)
          },
        },
        signal,
      )
    } catch (thrown) {
      if (signal.aborted) return
      const why = describeError(thrown)
      if (why !== trouble) event('decides-no-longer', why)
      trouble = why
    }
    await sleep(clock, againAfter, signal).catch(() => {})
  }
}
