// How much was done, and how fast? Counters for the four-letter words.

/** What a server has done since it started, or since `srst`. */
export class Stats {
  packetsIn = 0
  packetsOut = 0
  requests = 0
  /** Sessions that ended because they were not heard. */
  expired = 0
  latencySum = 0
  latencyMost = 0
  latencyLeast = Number.POSITIVE_INFINITY
  /** The bytes of the largest, the smallest and the last answer; -1: there was none. */
  answerMost = -1
  answerLeast = -1
  answerLast = -1

  /** `length` in milliseconds, from when a request came until it was answered. */
  answered(length: number): void {
    this.requests += 1
    this.latencySum += length
    if (length > this.latencyMost) this.latencyMost = length
    if (length < this.latencyLeast) this.latencyLeast = length
  }

  /** So many requests were answered, the first of them after so long. */
  carried(count: number, length: number): void {
    this.answered(length)
    this.requests += count - 1
    this.latencySum += length * (count - 1)
  }

  /** An answer of so many bytes was written. */
  sent(bytes: number): void {
    this.packetsOut += 1
    this.answerLast = bytes
    if (bytes > this.answerMost) this.answerMost = bytes
    if (bytes < this.answerLeast || this.answerLeast < 0) this.answerLeast = bytes
  }

  get latencyMean(): number {
    return this.requests === 0 ? 0 : this.latencySum / this.requests
  }

  reset(): void {
    Object.assign(this, new Stats())
  }
}
