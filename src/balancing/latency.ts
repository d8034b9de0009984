// How long does this service take for its first byte? Counts that fade: the latest weigh most.

import { type Milliseconds, ms } from '../foundation/time.ts'

/** Buckets an octave: a quantile is at most an eighth too large. */
const octave = 8
/** Milliseconds of the smallest unit that is told apart. */
const unit = 1 / 8
/** 2^26 units are more than two hours: what takes longer counts as that. */
const unitsMost = 2 ** 26 - 1
const bucketCount = bucketOf(unitsMost) + 1

/** Below one octave a bucket is a unit wide; above, an eighth of its own octave. */
function bucketOf(units: number): number {
  if (units < octave) return units
  const exponent = 31 - Math.clz32(units)
  return (exponent - 2) * octave + ((units >>> (exponent - 3)) & (octave - 1))
}

/** The first value above the bucket, in units. */
function upperEnd(bucket: number): number {
  if (bucket < octave) return bucket + 1
  const exponent = Math.floor(bucket / octave) + 2
  return (octave + (bucket % octave) + 1) * 2 ** (exponent - 3)
}

/** A histogram of durations. To count one costs a shift and an addition. */
export class Latencies {
  readonly #counts = new Float64Array(bucketCount)
  #total = 0

  /** How many weigh in, the older ones less. */
  get weight(): number {
    return this.#total
  }

  /** Counts one that took so many milliseconds, or at least so many. */
  add(took: number): void {
    const bucket = bucketOf(Math.min(unitsMost, Math.max(0, took / unit)) >>> 0)
    this.#counts[bucket] = (this.#counts[bucket] as number) + 1
    this.#total += 1
  }

  /** Halves the weight of all that was counted. */
  fade(): void {
    let total = 0
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const left = (this.#counts[bucket] as number) / 2
      this.#counts[bucket] = left < 0.01 ? 0 : left
      total += this.#counts[bucket] as number
    }
    this.#total = total
  }

  /** Of this share of all it is known that they took less; 0 while nothing has been counted. */
  quantile(share: number): Milliseconds {
    let left = this.#total * share
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const count = this.#counts[bucket] as number
      left -= count
      if (count > 0 && left <= 1e-9) return ms(upperEnd(bucket) * unit)
    }
    return ms(0)
  }
}
