// What happened in a simulated life, as lines to read. Silent unless somebody wants to know.

import type { Clock } from '../foundation/time.ts'

/** Takes down what happens; texts are made only when somebody listens. */
export interface Trace {
  note(who: string, what: () => string): void
}

/** Opens a trace once the world has a clock. */
export type OpenTrace = (clock: Clock) => Trace

/** For the many lives that nobody reads. */
export const silent: Trace = { note() {} }

/** Writes a line with the instant for each thing that happens. */
export const traceTo =
  (write: (line: string) => void): OpenTrace =>
  (clock) => ({
    note(who, what) {
      const at = (clock.now() / 1000).toFixed(3).padStart(8)
      write(`${at}  ${who.padEnd(10)} ${what()}`)
    },
  })
