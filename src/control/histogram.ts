// How are lengths of time spread? Counts in fixed buckets: cheap to fill, and to add up across
// processes. Pure.

const decades = [0.1, 1, 10, 100, 1000, 10_000]
/** The quarter-and-third steps of Renard's R10, with 7.5 for 8 as OpenTelemetry has it. */
const steps = [1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.3, 7.5]

/**
 * The upper bounds of the buckets in milliseconds, each included; one more bucket takes the rest.
 * From 0.1 ms to a minute, ten a decade, so that a quantile is off by a tenth at most; all bounds
 * that OpenTelemetry advises for `http.server.request.duration` are among them.
 */
export const bucketBounds: readonly number[] = [
  ...decades.flatMap((decade) => steps.map((step) => Number((decade * step).toPrecision(3)))),
].filter((bound) => bound <= 60_000)

const bucketCount = bucketBounds.length + 1

/** For each eighth of an octave of microseconds, the first bucket that a value in it can be in. */
const firsts = Uint8Array.from({ length: 32 * 8 }, (_, cell) => {
  const octave = Math.floor(cell / 8)
  const least = octave < 3 ? 0 : (2 ** octave * (8 + (cell % 8))) / 8
  const found = bucketBounds.findIndex((bound) => least <= bound * 1000)
  return found < 0 ? bucketBounds.length : found
})

/** The bucket of a length of time in milliseconds. */
export function bucketOf(length: number): number {
  const us = length < 2_000_000 ? length * 1000 : 2_000_000_000
  const octave = 31 - Math.clz32(us)
  let bucket = octave < 3 ? 0 : (firsts[octave * 8 + ((us >>> (octave - 3)) & 7)] as number)
  while (bucket < bucketBounds.length && length > (bucketBounds[bucket] as number)) bucket += 1
  return bucket
}

/** How a histogram travels: its sum in milliseconds, and pairs of bucket and count. */
export interface Spread {
  readonly sum: number
  readonly counts: readonly number[]
}

/** Lengths of time, counted. */
export class Histogram {
  sum = 0
  count = 0
  readonly buckets = new Float64Array(bucketCount)

  add(length: number): void {
    this.sum += length
    this.count += 1
    const bucket = bucketOf(length)
    this.buckets[bucket] = (this.buckets[bucket] as number) + 1
  }

  /** Adds what another one counted; `sign` -1 takes it away. */
  merge({ sum, counts }: Spread, sign: 1 | -1 = 1): this {
    this.sum += sign * sum
    for (let at = 0; at + 1 < counts.length; at += 2) {
      const bucket = counts[at] as number
      const more = sign * (counts[at + 1] as number)
      if (!(bucket >= 0 && bucket < bucketCount)) continue
      this.buckets[bucket] = (this.buckets[bucket] as number) + more
      this.count += more
    }
    return this
  }

  get spread(): Spread {
    const counts: number[] = []
    for (let bucket = 0; bucket < bucketCount; bucket += 1) {
      const count = this.buckets[bucket] as number
      if (count !== 0) counts.push(bucket, count)
    }
    return { sum: this.sum, counts }
  }

  /** How many were at most `bound`, which is one of `bucketBounds`. */
  below(bound: number): number {
    let sum = 0
    for (let at = 0; at < bucketBounds.length && (bucketBounds[at] as number) <= bound; at += 1) {
      sum += this.buckets[at] as number
    }
    return sum
  }

  /**
   * The length that a share of all (0 to 1) does not exceed, in milliseconds: taken evenly within
   * its bucket. `undefined` when nothing was counted.
   */
  quantile(share: number): number | undefined {
    if (this.count <= 0) return undefined
    const rank = share * this.count
    let before = 0
    for (let at = 0; at < bucketBounds.length; at += 1) {
      const here = this.buckets[at] as number
      if (here > 0 && before + here >= rank) {
        const from = at === 0 ? 0 : (bucketBounds[at - 1] as number)
        return from + (((bucketBounds[at] as number) - from) * (rank - before)) / here
      }
      before += here
    }
    return bucketBounds.at(-1)
  }
}
