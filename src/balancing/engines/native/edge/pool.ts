// The servers of one service as this edge knows them: which one is next, and who waits for one.

import { type Instant, instant, ms } from '../../../../foundation/time.ts'
import { RetryBudget } from '../../../budget.ts'
import { HoldQueue, passed, type Refusal, type Thaw, thawing } from '../../../hold.ts'
import type { Pool as PoolRow, TableServer } from '../../../model.ts'
import {
  afterFailure,
  isDue,
  type Outcome,
  onTrial,
  outlierPolicy,
  recovered,
  unreachable,
  untried,
  wellSince,
} from '../../../outliers.ts'
import { type Chooser, choose } from '../../../policies/choose.ts'
import { BodyShelf } from '../http/kept-body.ts'
import { Closed } from './closed.ts'
import { Departures, tellDown } from './departures.ts'
import { Hedging } from './hedging.ts'
import { PoolMeter } from './meters.ts'
import { Server } from './server.ts'
import type { Shared } from './shared.ts'
import { Signals } from './signals.ts'
import { startSlowly } from './start-slowly.ts'
import { type Wish, wishOf } from './stickiness.ts'
import { tryConnect } from './trial.ts'
import type { PoolWaiter, Repeater } from './waiters.ts'

/** A server that says nothing for so long while it has work is worth a probe. */
const silentAfter = 500
/** So many who wait for one server alone are passed over at once. */
const asideMost = 32

export class Pool {
  row: PoolRow
  closed: Closed | undefined
  readonly shared: Shared
  readonly budget = new RetryBudget()
  readonly hedging = new Hedging()
  readonly meter = new PoolMeter()
  #toldUntil = 0
  /** Where request bodies are counted that are kept so that they can be sent again. */
  readonly bodies = new BodyShelf()
  readonly servers = new Map<string, Server>()
  /** Removed from the table, but with requests that have not ended. */
  readonly leaving = new Set<Server>()
  readonly hold: HoldQueue<PoolWaiter>
  /** A server that dies leaves behind more than the others may get at once: that is spread. */
  readonly repeats: HoldQueue<Repeater>
  /** Those that may be picked now; made anew whenever something about one of them changes. */
  #eligible: readonly Server[] = []
  /** Ejected ones whose time is over: the next request that may be repeated tries one. */
  #due: readonly Server[] = []
  readonly #departures = new Departures()
  #hasLimits = false
  #isSlow = false
  #thaw: Thaw | undefined
  readonly #signals: Signals

  constructor(row: PoolRow, shared: Shared) {
    this.row = row
    this.shared = shared
    this.#signals = new Signals(shared)
    this.hold = new HoldQueue(row.hold)
    this.repeats = new HoldQueue(row.hold)
  }

  /**
   * Serves by this row from now on. A server keeps its connections and counts as long as its
   * address stays the same; one that is called down, or up again, begins anew. A row of an earlier
   * epoch is passed over: it names a primary that has been replaced.
   */
  update(row: PoolRow): void {
    if ((row.epoch ?? 0) < (this.row.epoch ?? 0)) return
    this.row = row
    this.closed = row.maintenance && new Closed(row.maintenance)
    this.hold.limits = row.hold
    this.repeats.limits = row.hold
    this.hedging.update(row.hedge, row.responseTimeout)
    this.bodies.limits = row.keptBodies
    for (const server of this.servers.values()) {
      const next = row.servers.find(({ id }) => id === server.row.id)
      const stays = next?.host === server.row.host && next.port === server.row.port
      if (!stays) this.remove(server)
    }
    for (const next of row.servers) {
      const server = this.servers.get(next.id)
      if (server === undefined) this.#add(next)
      else this.#updateServer(server, next)
    }
  }

  #add(row: TableServer): void {
    const server = new Server(row)
    if (this.#eligible.length > 0 && row.state === 'up') {
      server.upSince = this.shared.deadlines.now
    }
    this.servers.set(row.id, server)
  }

  #updateServer(server: Server, next: TableServer): void {
    const { now } = this.shared.deadlines
    const isNewlyUp = server.row.state !== 'up' && next.state === 'up'
    this.#departures.changes(server, next, now)
    if (next.state !== 'up') server.closeIdle()
    if (!isNewlyUp) return
    server.renew(wellSince(this.shared.now))
    server.upSince = now
  }

  /** Takes nothing new, and is forgotten when its last request has ended. */
  remove(server: Server): void {
    server.removed = true
    this.servers.delete(server.row.id)
    server.closeIdle()
    if (this.row.cut !== undefined) this.#departures.leaves(server)
    if (server.active > 0) this.leaving.add(server)
  }

  /**
   * It stands in no table any more: what is on its servers ends there, what waits is answered, and
   * nothing that comes back from a server is sent or held again.
   */
  leave(): void {
    for (const server of [...this.servers.values()]) this.remove(server)
    this.hold.limits = { ...this.hold.limits, wait: ms(0) }
    this.repeats.limits = this.hold.limits
    this.refresh()
    for (const queue of [this.hold, this.repeats]) {
      for (const waiter of queue.expired(this.holdTime)) waiter.waitedTooLong()
    }
  }

  /** We have no file or port left for a connection: what rests gives up its own. */
  lacks(code: string): void {
    this.closeIdle()
    if (this.shared.now < this.#toldUntil) return
    this.#toldUntil = this.shared.now + 10_000
    this.shared.event('edge-lacks', this.row.name, `no connection can be opened: ${code}`, {})
  }

  closeIdle(): void {
    for (const server of this.servers.values()) server.closeIdle()
  }

  /** The next server, or `undefined` when none can take a request now. */
  pick(
    chooser: Chooser,
    mayTry: boolean,
    avoid: readonly Server[] | undefined,
  ): Server | undefined {
    if (mayTry && this.#due.length > 0) {
      const trial = this.#takeDue(avoid)
      if (trial !== undefined) return trial
    }
    if (chooser.stuck !== undefined) {
      const wish = this.#wishOf(chooser, avoid)
      if (wish !== undefined) return wish === 'wait' ? undefined : wish
    }
    let candidates = this.#eligible
    if (this.#hasLimits || this.#thaw !== undefined) candidates = candidates.filter(this.#hasPlace)
    if (avoid !== undefined) candidates = candidates.filter((server) => !avoid.includes(server))
    return choose(candidates, chooser, this.shared.random)
  }

  #wishOf(chooser: Chooser, avoid: readonly Server[] | undefined): Wish {
    const { name } = this.row
    const { now } = this.shared.deadlines
    return wishOf(this.servers.values(), name, chooser, this.#hasPlace, avoid, now)
  }

  /**
   * A server for a request that waits for `avoid`, if that could help: one that is prompt, with
   * nobody before it, as long as the budget bears it.
   */
  pickHedge(chooser: Chooser, avoid: readonly Server[]): Server | undefined {
    if (this.hold.size > 0 || this.repeats.size > 0) return undefined
    const slow = this.hedging.slow(this.servers.values())
    const server = this.pick(chooser, false, [...avoid, ...slow])
    const mayGo = server !== undefined && this.budget.takeHedge(this.hedging.share)
    return mayGo ? server : undefined
  }

  /** Nobody could be picked, whoever had a place. */
  get isDark(): boolean {
    return this.#eligible.length === 0
  }

  /** Whether who comes now has to wait: nobody can be picked, or others came first. */
  get isWaitedFor(): boolean {
    return this.hold.size > 0
  }

  readonly #hasPlace = (server: Server): boolean =>
    server.active < (server.row.maxConnections ?? Infinity) &&
    server.active < (this.#thaw?.window ?? Infinity)

  #takeDue(avoid: readonly Server[] | undefined): Server | undefined {
    const trial = this.#due.find((one) => avoid?.includes(one) !== true && this.#hasPlace(one))
    if (trial === undefined) return undefined
    trial.standing = onTrial(trial.standing)
    this.#due = this.#due.filter((server) => server !== trial)
    return trial
  }

  /** A request has been given to a server. */
  begin(server: Server): void {
    if (server.active === 0) server.busySince = this.shared.deadlines.now
    server.active += 1
    server.requests += 1
  }

  /** The same request begins anew on the server, in the place that it has. */
  beginAgain(server: Server): void {
    if (server.active === 1) server.busySince = this.shared.deadlines.now
    server.requests += 1
  }

  /** It has left the server, whatever became of it. */
  end(server: Server): void {
    server.active -= 1
    if (server.active === 0 && server.isAwaited) {
      this.leaving.delete(server)
      this.shared.changedNow()
    }
    if (this.hold.size > 0) this.release()
  }

  /** A server has answered below 500, or at all where answers are not read. */
  succeeded(server: Server): void {
    server.succeeded()
    const { standing } = server
    if (standing.kind === 'well' || (standing.kind === 'ejected' && !standing.trial)) return
    this.#recover(server)
  }

  #recover(server: Server): void {
    const why =
      server.standing.kind === 'unreachable' ? 'it can be reached again' : 'its trial passed'
    server.standing = recovered(server.standing, this.shared.now)
    this.shared.event('readmit', server.row.id, why, { pool: this.row.name })
    this.refresh()
  }

  /** The connection that tried an unreachable server was opened. */
  reached(server: Server): void {
    if (server.standing.kind === 'unreachable') this.#recover(server)
  }

  /** A request met something that may be the server's fault. */
  failed(server: Server, outcome: Outcome, why: string): void {
    server.failed(outcome)
    this.#signals.tell(server, outcome)
    if (server.removed) return
    const { standing } = server
    const misdeed = { outcome, why, now: this.shared.now }
    const siblings = () =>
      this.#eligible.filter((other) => other !== server).map(({ recent }) => recent)
    server.standing = afterFailure(standing, misdeed, server.recent, siblings, outlierPolicy)
    if (server.standing === standing) return
    if (standing.kind === 'well') this.#tellPassedOver(server)
    this.refresh()
  }

  #tellPassedOver(server: Server): void {
    const { standing } = server
    if (standing.kind === 'well') return
    this.meter.ejections += 1
    const rule = standing.kind === 'ejected' ? 'eject-outlier' : 'pass-over-unreachable'
    this.shared.event(rule, server.row.id, standing.why, {
      pool: this.row.name,
      ...server.recent,
      until: standing.until,
    })
  }

  /** A request has left it, or has to, and that says neither good nor bad of it. */
  untried(server: Server): void {
    // Those that cannot be reached are tried without a request, which has no say in that.
    if (server.standing.kind === 'ejected') server.standing = untried(server.standing)
  }

  /** Lets wait, or says why not. */
  wait(waiter: PoolWaiter): Refusal | undefined {
    // Who waits before it may wait for one server alone: then it need not wait.
    if (this.row.sticky !== undefined) queueMicrotask(() => this.release())
    if (this.#hasLimits && this.hold.size === 0) this.shared.changedNow()
    return this.hold.offer(waiter, (other) => other.waitedTooLong('hold-full'))
  }

  /** Works out anew who may be picked, and lets go who need not wait any longer. */
  refresh(): void {
    const offered = [...this.servers.values()].filter(
      (server) => server.isOffered && server.standing.kind === 'well',
    )
    const first = offered.filter((server) => !server.row.backup)
    const hadNone = this.#eligible.length === 0
    this.#eligible = first.length > 0 ? first : offered
    this.#slowStart()
    this.#hasLimits = this.#eligible.some((server) => server.row.maxConnections !== undefined)
    const returns = hadNone && this.#eligible.length > 0 && this.hold.size > 0
    // Long sessions say little once they stand: there is no work to be let in by steps.
    if (returns && this.row.cut === undefined) this.#thaw = thawing
    this.shared.changed()
    this.#departures.tell()
    this.release()
  }

  #slowStart(): void {
    const { slowStart } = this.row
    if (slowStart === undefined && !this.#isSlow) return
    this.#isSlow = startSlowly(this.#eligible, this.shared.deadlines.now, slowStart ?? ms(0))
  }

  /** Lets go those who wait, in order, as long as a server has a place. */
  release(): void {
    const aside: PoolWaiter[] = []
    for (let waiter = this.hold.first(); waiter !== undefined; waiter = this.hold.first()) {
      const server = this.pick(waiter.chooser, waiter.mayTry, undefined)
      if (server === undefined && !this.#setAside(waiter, aside)) break
      if (server === undefined) continue
      this.hold.remove(waiter)
      waiter.admitted(server)
    }
    if (this.hold.size === 0) this.#thaw = undefined
    for (const waiter of aside) {
      // Fewer may wait than when it came.
      if (this.hold.offer(waiter) !== undefined) waiter.waitedTooLong('hold-full')
    }
  }

  /** Who waits for its own server alone is in nobody's way; some are looked at each time. */
  #setAside(waiter: PoolWaiter, aside: PoolWaiter[]): boolean {
    if (aside.length >= asideMost || this.#wishOf(waiter.chooser, undefined) !== 'wait')
      return false
    this.hold.remove(waiter)
    aside.push(waiter)
    return true
  }

  /** The time since the hold began, as `Waiter` counts it. */
  get holdTime(): Instant {
    return instant(this.shared.deadlines.now)
  }

  /** Every fifty milliseconds. */
  step(): void {
    if (this.hold.size > 0) {
      for (const waiter of this.hold.expired(this.holdTime)) waiter.waitedTooLong()
      if (this.#thaw !== undefined) this.#thaw = passed(this.#thaw)
    }
    if (this.#isSlow) this.#slowStart()
    if (this.repeats.size > 0) this.#sendAgain()
    this.hedging.step(this.servers.values())
    this.#due = []
    for (const server of this.servers.values()) this.#stepServer(server)
    if (this.hold.size > 0) this.release()
  }

  #sendAgain(): void {
    for (const repeater of this.repeats.expired(this.holdTime)) repeater.waitedTooLong()
    for (let next = this.repeats.first(); next !== undefined; next = this.repeats.first()) {
      if (!this.budget.take()) return
      this.repeats.remove(next)
      next.sendAgain()
    }
  }

  #stepServer(server: Server): void {
    const { now } = this.shared.deadlines
    if (now - server.drainsSince >= (this.row.cut?.grace ?? Infinity)) tellDown(server)
    if (server.active > 0 && now - Math.max(server.heardAt, server.busySince) > silentAfter) {
      this.#signals.tell(server, 'silent')
    }
    if (server.standing.kind === 'well' || !server.isOffered) return
    if (!isDue(server.standing, this.shared.now)) return
    if (server.standing.kind === 'ejected') this.#due = [...this.#due, server]
    else this.#tryToReach(server)
  }

  #tryToReach(server: Server): void {
    const { address } = server
    if (address === undefined) return
    server.standing = onTrial(server.standing)
    tryConnect(this.shared, address, server.row.port, this.row.connectTimeout, (failure) => {
      if (this.servers.get(server.row.id) !== server) return
      if (failure === undefined) return this.reached(server)
      server.standing = unreachable(server.standing, failure, this.shared.now, outlierPolicy)
    })
  }

  turnWindow(): void {
    for (const server of this.servers.values()) server.turnWindow()
  }
}
