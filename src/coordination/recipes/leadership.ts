// Who leads, and since which epoch? One at a time, for as long as a block runs, and never two whose
// writes are both accepted.

import { Fault } from '../../foundation/fault.ts'
import { type Clock, type Instant, later, since, sleep } from '../../foundation/time.ts'
import { type Coordinator, failedAt, whyNot } from '../coordinator.ts'
import type { Epoch, Holder, Leadership, NodeChange, RolePolicy } from '../model.ts'
import { type CandidateParts, release, standFor, type Won } from './candidate.ts'
import { type Lease, leaseOf, validUntil } from './lease.ts'
import { beatCodec, guardOf, pathsOf, type RolePaths } from './role.ts'

/**
 * Stands for a role, waits until it is won and nobody else can act in it any more, and runs `lead`;
 * gives the role back when that has ended. The signal of `lead` is aborted when the role is lost:
 * the lease was not renewed in time, somebody else has a later epoch, the session is over. Returns
 * what `lead` returns.
 *
 * ```ts
 * const policy = { path: '/roles/orders', id: 'a', lease: ms(2000) }
 * await whileLeading(coordinator, policy, parts, signal, async (role, leading) => {
 *   await role.write([{ kind: 'set', path: '/orders/primary', data: 'db-1' }], leading)
 *   await serve(leading)
 * })
 * ```
 *
 * Two things keep two leaders apart. Every write of `role` carries the epoch and is refused by the
 * store once there is a later one. And a successor waits until the lease of the holder before it
 * has run out on every clock, unless that holder said that it has stopped.
 */
export async function whileLeading<T>(
  coordinator: Coordinator,
  policy: RolePolicy,
  parts: CandidateParts,
  signal: AbortSignal,
  lead: (role: Leadership, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = AbortSignal.any([signal, coordinator.over])
  const won = await standFor(coordinator, policy, parts, either)
  await using term = new Term(coordinator, policy, parts.clock, won)
  const leading = AbortSignal.any([signal, term.lost])
  await sleepUntil(parts.clock, won.actsAt, leading)
  return await lead(term, leading)
}

async function sleepUntil(clock: Clock, at: Instant, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  const wait = since(clock.now(), at)
  if (wait > 0) await sleep(clock, wait, signal)
}

/** One term of office: from the won epoch until it is given back or lost. */
class Term implements Leadership, AsyncDisposable {
  readonly id: string
  readonly epoch: Epoch
  readonly guard: Leadership['guard']
  readonly before: Holder | undefined
  readonly #coordinator: Coordinator
  readonly #policy: RolePolicy
  readonly #clock: Clock
  readonly #paths: RolePaths
  readonly #lease: Lease
  readonly #lost = new AbortController()
  readonly #stop = new AbortController()
  readonly #beating: Promise<void>
  #validUntil: Instant
  #deadline: Disposable | undefined
  readonly #sessionOver = (): void => this.#lose(this.#coordinator.over.reason)

  constructor(coordinator: Coordinator, policy: RolePolicy, clock: Clock, won: Won) {
    this.id = policy.id
    this.epoch = won.epoch
    this.before = won.before
    this.#coordinator = coordinator
    this.#policy = policy
    this.#clock = clock
    this.#paths = pathsOf(policy.path)
    this.#lease = leaseOf(policy)
    this.guard = guardOf(this.#paths, won.epoch)
    this.#validUntil = validUntil(won.sent, this.#lease)
    coordinator.over.addEventListener('abort', this.#sessionOver)
    if (coordinator.over.aborted) this.#sessionOver()
    this.#armDeadline()
    this.#beating = this.#beat()
  }

  get lost(): AbortSignal {
    return this.#lost.signal
  }

  validUntil(): Instant {
    return this.#validUntil
  }

  async write(changes: readonly NodeChange[], signal?: AbortSignal): Promise<readonly string[]> {
    this.lost.throwIfAborted()
    try {
      const [, ...paths] = await this.#coordinator.write([this.guard, ...changes], signal)
      return paths
    } catch (thrown) {
      if (failedAt(thrown) === 0) this.#lose(this.#deposed(thrown))
      throw thrown
    }
  }

  /** Renews until told to stop or lost. One renewal at a time: a late one cannot be overtaken. */
  async #beat(): Promise<void> {
    const either = AbortSignal.any([this.#stop.signal, this.lost])
    while (!either.aborted) {
      const sent = this.#clock.now()
      try {
        await this.#coordinator.write([this.guard, this.#renewal()], either)
        this.#renewed(sent)
        await sleepUntil(this.#clock, later(sent, this.#lease.every), either)
      } catch (thrown) {
        if (either.aborted) return
        const why = whyNot(thrown)
        if (why === 'not-done' || why === 'unknown') continue
        this.#lose(failedAt(thrown) === 0 ? this.#deposed(thrown) : thrown)
      }
    }
  }

  #renewal(): NodeChange {
    const { id, epoch } = this
    const data = beatCodec.format({ epoch, id, lease: this.#lease.length, released: false })
    return { kind: 'set', path: this.#paths.beat, data }
  }

  #renewed(sent: Instant): void {
    const until = validUntil(sent, this.#lease)
    // Confirmed too late it is no renewal: what was lost does not come back.
    if (this.lost.aborted || until <= this.#validUntil) return
    this.#validUntil = until
    this.#armDeadline()
  }

  #armDeadline(): void {
    this.#deadline?.[Symbol.dispose]()
    const left = since(this.#clock.now(), this.#validUntil)
    this.#deadline = this.#clock.after(left, () => {
      // Timers may be early by a fraction: what counts is the time.
      if (this.#clock.now() < this.#validUntil) return this.#armDeadline()
      this.#lose(new Fault('timed-out', `the role ${this.#paths.lock} was not renewed in time`))
    })
  }

  #deposed(cause: unknown): Fault {
    const { epoch } = this
    return new Fault('refused', `the role at epoch ${epoch} was taken over`, { cause })
  }

  #lose(why: unknown): void {
    this.#lost.abort(why)
    this.#deadline?.[Symbol.dispose]()
  }

  /** Nobody acts in the role any more: says so, that nobody need wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort()
    await this.#beating
    this.#deadline?.[Symbol.dispose]()
    this.#coordinator.over.removeEventListener('abort', this.#sessionOver)
    try {
      await release(this.#coordinator, this.#policy, this.#paths, this.epoch)
    } finally {
      this.#lost.abort(new Fault('refused', `the role at epoch ${this.epoch} was given back`))
    }
  }
}
