// What was decided, by which rule, and what was seen: the record that `events` and `why` read.

import type { Instant } from '../foundation/time.ts'

/** One thing that happened. Values are plain data and never hold a secret. */
export interface JournalEntry {
  readonly at: Instant
  /** The room it happened in: `services`, `health`, `balancing`, `agent`. */
  readonly room: string
  /** The thing it is about, as a person would type it: `web`, `web-2`, `public`. */
  readonly subject: string
  /** The rule that decided, or the name of the event where nothing was decided. */
  readonly rule: string
  /** Completes the sentence "because …". */
  readonly why: string
  /** What is being done about it, one sentence an action; empty for something merely seen. */
  readonly actions: readonly string[]
  /** What was seen when it was decided. */
  readonly seen: Readonly<Record<string, unknown>>
}

/** The port: whoever decides hands its entries here and never reads them back. */
export interface Journal {
  record(entry: JournalEntry): void
}
