// How does an engine wait? With its signal as the end of everything.

import { setTimeout as pause } from 'node:timers/promises'
import { Fault } from '../../../foundation/fault.ts'
import type { Milliseconds } from '../../../foundation/time.ts'

const over = (signal: AbortSignal): Fault =>
  new Fault('timed-out', 'it was not done in time', { cause: signal.reason })

/** Between two looks at something that is not told; rejects with a `Fault` once the signal ends. */
export async function pauseFor(length: Milliseconds, signal: AbortSignal): Promise<void> {
  try {
    await pause(length, undefined, { signal })
  } catch {
    // Nothing but the signal ends a pause early.
    throw over(signal)
  }
}

/** What `work` comes to, unless the signal ends first: then the work goes on unwatched. */
export function within<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const end = (): void => reject(over(signal))
    if (signal.aborted) end()
    signal.addEventListener('abort', end, { once: true })
    const settle = (): void => signal.removeEventListener('abort', end)
    work.then(resolve, reject).finally(settle)
  })
}

/** Looks until it holds; rejects with a `Fault` once the signal ends. */
export async function untilSo(
  holds: () => Promise<boolean>,
  every: Milliseconds,
  signal: AbortSignal,
): Promise<void> {
  while (!(await holds())) await pauseFor(every, signal)
}
