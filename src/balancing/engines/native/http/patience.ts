// How much of a client is taken ahead, and how long it has for its last answer?

/** Bytes of further requests taken in while one is in flight. */
export const pipelinedMost = 64 * 1024
/** Milliseconds for a client to read its last answer in. */
export const lingerTime = 2000
