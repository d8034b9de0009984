// Has this client asked too much? A bucket of tokens for each, in bounded memory. Pure.

/** What is known of one client. */
interface Bucket {
  tokens: number
  /** When the tokens were counted. */
  at: number
  /** Taken here since it was last told. */
  spent: number
}

/** Clients remembered at once; beyond it the one that was quiet longest is forgotten. */
export const clientsMost = 65_536
/** What may be told at once. */
const toldMost = 1000

/** One limit over all clients. Time is in milliseconds and only grows. */
export class Limiter {
  readonly #perMs: number
  readonly #burst: number
  readonly #most: number
  /** The one that was quiet longest comes first. */
  readonly #buckets = new Map<string, Bucket>()

  constructor(perSecond: number, burst: number, most = clientsMost) {
    this.#perMs = perSecond / 1000
    this.#burst = burst
    this.#most = most
  }

  get size(): number {
    return this.#buckets.size
  }

  /** Takes a token: 0, or the milliseconds until there is one; a refusal costs nothing. */
  take(key: string, now: number): number {
    const bucket = this.#bucketOf(key, now)
    if (bucket.tokens < 1) return Math.max(1, Math.ceil((1 - bucket.tokens) / this.#perMs))
    bucket.tokens -= 1
    bucket.spent += 1
    return 0
  }

  /**
   * The client has spent tokens elsewhere. It may owe as much as a whole burst: so what several
   * edges gave at the same moment is paid back, and the rate holds in the long run.
   */
  owe(key: string, count: number, now: number): void {
    const bucket = this.#bucketOf(key, now)
    bucket.tokens = Math.max(-this.#burst, bucket.tokens - count)
  }

  #bucketOf(key: string, now: number): Bucket {
    const known = this.#buckets.get(key)
    const bucket = known ?? { tokens: this.#burst, at: now, spent: 0 }
    bucket.tokens = Math.min(this.#burst, bucket.tokens + (now - bucket.at) * this.#perMs)
    bucket.at = now
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > this.#most) {
      for (const oldest of this.#buckets.keys()) {
        this.#buckets.delete(oldest)
        break
      }
    }
    return bucket
  }

  /** What others should know: of clients that have less than half of their burst left. */
  tell(now: number): readonly (readonly [key: string, count: number])[] {
    const told: (readonly [string, number])[] = []
    for (const [key, bucket] of this.#buckets) {
      if (bucket.spent === 0 || told.length >= toldMost) continue
      const tokens = bucket.tokens + (now - bucket.at) * this.#perMs
      if (tokens >= this.#burst / 2) continue
      told.push([key, bucket.spent])
      bucket.spent = 0
    }
    return told
  }
}
