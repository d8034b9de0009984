// How many repeats can the servers bear? So many that retries never become the outage themselves.

/** Repeats allowed as a share of recent requests, and the number a second always allowed. */
export interface BudgetPolicy {
  readonly share: number
  readonly perSecond: number
}

export const budgetPolicy: BudgetPolicy = { share: 0.2, perSecond: 50 }

/** Hedges allowed each second whatever their share: a service with few requests has them too. */
export const hedgesPerSecond = 10

/** Seconds that count as recent. */
const recent = 10

/**
 * Counts requests and repeats of the last ten seconds. `second` only ever grows; whoever counts
 * brings the time.
 */
export class RetryBudget {
  /** Counted by the hot path itself: requests since `turn` was last called. */
  requests = 0
  readonly #policy: BudgetPolicy
  readonly #requests: number[] = Array<number>(recent).fill(0)
  readonly #repeats: number[] = Array<number>(recent).fill(0)
  readonly #hedges: number[] = Array<number>(recent).fill(0)
  #second = 0

  constructor(policy: BudgetPolicy = budgetPolicy) {
    this.#policy = policy
  }

  /** Moves on to `second`, forgetting what is ten seconds old. */
  turn(second: number): void {
    this.#note()
    const steps = Math.min(recent, second - this.#second)
    for (let step = 1; step <= steps; step += 1) {
      const slot = (second - steps + step) % recent
      this.#requests[slot] = 0
      this.#repeats[slot] = 0
      this.#hedges[slot] = 0
    }
    this.#second = Math.max(second, this.#second)
  }

  /** Takes one repeat out of the budget; false when it is spent. */
  take(): boolean {
    this.#note()
    const slot = this.#second % recent
    const now = this.#repeats[slot] as number
    const repeats = sum(this.#repeats)
    const allowed = sum(this.#requests) * this.#policy.share
    if (now >= this.#policy.perSecond && repeats >= allowed) return false
    this.#repeats[slot] = now + 1
    return true
  }

  /** Takes a repeat for a request that is not lost, only late: at most `share` of all are that. */
  takeHedge(share: number): boolean {
    this.#note()
    const slot = this.#second % recent
    const now = this.#hedges[slot] as number
    if (now >= hedgesPerSecond && sum(this.#hedges) >= sum(this.#requests) * share) return false
    if (!this.take()) return false
    this.#hedges[slot] = now + 1
    return true
  }

  #note(): void {
    const slot = this.#second % recent
    this.#requests[slot] = (this.#requests[slot] as number) + this.requests
    this.requests = 0
  }
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0)
