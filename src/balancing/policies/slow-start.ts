// Which share of its weight does a server take that has only just come up? Pure.

import type { Milliseconds } from '../../foundation/time.ts'

/** What a server takes at the very beginning: something, or it would never warm up. */
const shareLeast = 0.02

/**
 * The share of its weight for a server that has been up for `age`, when the one that has been up
 * longest among those that could be picked has been so for `oldest`. It rises evenly to 1 in
 * `length`. It is measured against the oldest: when all have just started, or there is only this
 * one, somebody has to take everything, and nobody holds back.
 */
export function slowShare(age: number, oldest: number, length: Milliseconds): number {
  const whole = Math.min(oldest, length)
  if (whole <= 0 || age >= whole) return 1
  return Math.max(shareLeast, age / whole)
}
