// How much was done, and how fast? Counters for the four-letter words.

/** How long answers took, in milliseconds. */
export class Latency {
  count = 0
  last = 0
  most = 0
  #sum = 0
  #least = Number.POSITIVE_INFINITY

  add(length: number): void {
    this.count += 1
    this.last = length
    this.#sum += length
    if (length > this.most) this.most = length
    if (length < this.#least) this.#least = length
  }

  get least(): number {
    return this.count === 0 ? 0 : this.#least
  }

  get mean(): number {
    return this.count === 0 ? 0 : this.#sum / this.count
  }
}

/** What a server has done since it started, or since `srst`. */
export class Stats {
  packetsIn = 0
  packetsOut = 0
  latency = new Latency()
  /** Sessions that ended because they were not heard. */
  expired = 0
  /** The bytes of the largest, the smallest and the last answer; -1: there was none. */
  answerMost = -1
  answerLeast = -1
  answerLast = -1

  /** An answer of so many bytes was written. */
  sent(bytes: number): void {
    this.packetsOut += 1
    this.answerLast = bytes
    if (bytes > this.answerMost) this.answerMost = bytes
    if (bytes < this.answerLeast || this.answerLeast < 0) this.answerLeast = bytes
  }

  reset(): void {
    Object.assign(this, new Stats())
  }
}
