// What a client connection is about at a moment.

/** Waits for the first byte of a request. */
export const resting = 0
/** Has a part of a head. */
export const reading = 1
/** Has a request in flight; more of them may lie in the input. */
export const busy = 2
/** Has had its last answer: reads on for a moment, so that no RST takes the answer away. */
export const lingering = 3
export const tunnel = 4
export const closed = 5
