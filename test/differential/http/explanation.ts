// What is a disagreement, and what explains one? The words of both lists.

import type { Outcome, Parting } from './compare.ts'
import type { Message } from './messages.ts'

/** One disagreement, and what is odd about the part of the message that it is about. */
export interface Disagreement {
  readonly message: Message
  readonly peer: 'haproxy' | 'nginx'
  readonly parting: Parting | undefined
  readonly ours: Outcome
  readonly theirs: Outcome
  readonly odd: ReadonlySet<string>
}

/** A kind of disagreement that is understood. */
export interface Explanation {
  readonly id: string
  /** RFC and section. */
  readonly rfc: string
  readonly why: string
  readonly holds: (it: Disagreement) => boolean
}

/** A row of a list. */
export const row = (
  id: string,
  rfc: string,
  why: string,
  holds: Explanation['holds'],
): Explanation => ({
  id,
  rfc,
  why,
  holds,
})
