// What time is it, and how long is that? Time is handed in everywhere else: nothing below the
// agent may ask the machine for it.

declare const unit: unique symbol

/** A length of time in milliseconds. Made by `ms`, or read from the file by `spec`. */
export type Milliseconds = number & { readonly [unit]: 'ms' }

/**
 * A point in time, in milliseconds since 1970 as this process counts them: it never runs
 * backwards within one process, also when somebody sets the machine's clock.
 */
export type Instant = number & { readonly [unit]: 'instant' }

/** Marks a number as milliseconds. */
export const ms = (count: number): Milliseconds => count as Milliseconds

/** Marks a number as an instant; for adapters and tests. */
export const instant = (at: number): Instant => at as Instant

/** The instant `wait` after `at`. */
export const later = (at: Instant, wait: Milliseconds): Instant => (at + wait) as Instant

/** How long ago `then` was at `now`; never negative. */
export const since = (then: Instant, now: Instant): Milliseconds =>
  Math.max(0, now - then) as Milliseconds

/** The port through which every other file learns the time and waits. */
export interface Clock {
  now(): Instant
  /** Calls `wake` once, `wait` from now; disposing the timer before then cancels it. */
  after(wait: Milliseconds, wake: () => void): Disposable
}

/**
 * Resolves `wait` from now, or rejects with the signal's reason as soon as it is aborted. The
 * abort listener goes with the wait, so that long-lived signals do not collect them.
 */
export function sleep(clock: Clock, wait: Milliseconds, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason)
    const timer = clock.after(wait, () => {
      signal?.removeEventListener('abort', abort)
      resolve()
    })
    const abort = (): void => {
      timer[Symbol.dispose]()
      reject(signal?.reason)
    }
    signal?.addEventListener('abort', abort, { once: true })
  })
}

/** The machine's clock: starts at the wall's time and counts on monotonically. */
export function openClock(): Clock {
  const begins = performance.timeOrigin
  return {
    now: () => instant(begins + performance.now()),
    after(wait, wake) {
      const timer = setTimeout(wake, wait)
      return { [Symbol.dispose]: () => clearTimeout(timer) }
    },
  }
}

const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** Reads `250ms`, `1.5s`, `2m`, `1h`, `1d`; `undefined` when the text is none of these. */
export function parseDuration(text: string): Milliseconds | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  if (match === null) return undefined
  return ms(Number(match[1]) * units[match[2] as keyof typeof units])
}

/** Says a length of time the way the file writes it: `250ms`, `1.5s`, `2m`. */
export function formatDuration(length: Milliseconds): string {
  if (length < 1000) return `${Math.round(length)}ms`
  if (length < 60_000) return `${round(length / 1000)}s`
  if (length < 3_600_000) return `${round(length / 60_000)}m`
  if (length < 86_400_000) return `${round(length / 3_600_000)}h`
  return `${round(length / 86_400_000)}d`
}

const round = (value: number): number => Math.round(value * 10) / 10
