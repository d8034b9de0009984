// May this request be sent again? Only what provably was not executed, or does no harm twice.

/** What has happened to a request when an attempt has failed. */
export interface Attempt {
  /** At least one byte of it was given to a connection that was open. */
  readonly sent: boolean
  /** Its method does no harm when it is executed twice (RFC 9110 9.2.2). */
  readonly idempotent: boolean
  /** All of its body that has been read is still at hand. */
  readonly bodyKept: boolean
  /** A byte of a final answer has gone to the client. */
  readonly answered: boolean
  /** How many servers broke or fell silent with it in their hands. */
  readonly strikes: number
}

/**
 * A request that brings servers down is not taken through all of them. Only what a server did
 * while it had the request counts: no refused connection, no server that was called down and left.
 */
export const strikesMost = 3

/** Answers with an error, and servers that decline, after which it is not sent to yet another. */
export const sendsMost = 3

/**
 * Whether the request may be sent again. What was never sent always may; what was sent only if it
 * is idempotent, nothing of an answer has gone out, and its body can be sent again.
 */
export function mayRepeat(attempt: Attempt): boolean {
  if (attempt.answered || !attempt.bodyKept) return false
  if (!attempt.sent) return true
  return attempt.idempotent && attempt.strikes < strikesMost
}

/** Answers that another server may improve on (RFC 9110 15.6). */
export const mayImprove = (status: number): boolean =>
  status === 500 || status === 502 || status === 503 || status === 504
