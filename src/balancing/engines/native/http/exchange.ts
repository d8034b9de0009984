// One request on its way: which server has it, what became of that, and may it go to another?

import { type Instant, instant } from '../../../../foundation/time.ts'
import { anyServer, type Chooser } from '../../../policies/choose.ts'
import { type Attempt, mayRepeat, sendsMost } from '../../../repeat.ts'
import type { Places } from '../edge/door-places.ts'
import type { Pool } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import type { Shared } from '../edge/shared.ts'
import { lower, type PoolWaiter, type Repeater, withdraw } from '../edge/waiters.ts'
import { AnswerRules } from './answer-rules.ts'
import type { Hedge } from './hedge.ts'
import { KeptBody } from './kept-body.ts'
import { type ExchangeClient, type Failure, isNobodysFault, type UpstreamLink } from './parts.ts'
import { RequestRecord } from './record.ts'
import { SecondTry, type TriedRequest } from './second-try.ts'
import type { Ending, Timeline } from './timeline.ts'
import { TriedServers } from './tried.ts'
import { HttpUpstream } from './upstream.ts'

/** A resting connection that the server may be closing carries no request that is sent once. */
const freshMost = 500

/** The request of one client connection; used again for the next one. */
export class Exchange implements PoolWaiter, Repeater, Attempt, TriedRequest {
  readonly #client: ExchangeClient
  readonly #shared: Shared
  readonly #record: RequestRecord
  readonly timeline: Timeline
  upstream: UpstreamLink | undefined
  #server: Server | undefined
  #pool: Pool | undefined
  chooser: Chooser = anyServer
  /** The head as it is sent, and what has been sent of the body. */
  #start = ''
  readonly #body = new KeptBody()
  idempotent = false
  headOnly = false
  asksUpgrade = false
  #answered = false
  sends = 0
  strikes = 0
  #declines = 0
  heldBytes = 0
  heldSince: Instant = instant(-1)
  /** Its client will say nothing more; whether it still listens is not known. */
  hasEnded = false
  readonly #tried = new TriedServers()
  readonly #second: SecondTry
  readonly answerRules = new AnswerRules()

  constructor(client: ExchangeClient, shared: Shared) {
    this.#client = client
    this.#shared = shared
    this.#second = new SecondTry(this, client, shared)
    this.#record = new RequestRecord(client, shared)
    this.timeline = this.#record.timeline
  }

  begin(start: string, idempotent: boolean, headOnly: boolean, asksUpgrade: boolean): void {
    this.#start = start
    this.#pool = undefined
    this.idempotent = idempotent
    this.headOnly = headOnly
    this.asksUpgrade = asksUpgrade
    this.#body.begin()
    this.#answered = false
    this.answerRules.reset()
    this.sends = 0
    this.strikes = 0
    this.#declines = 0
  }

  get answered(): boolean {
    return this.#answered
  }

  /** A final answer goes to the client: nobody else has to work on one. */
  answers(status: number): void {
    this.#answered = true
    this.timeline.status = status
    this.#second.over()
    this.#body.drop()
  }

  get server(): Server | undefined {
    return this.#server
  }

  get pool(): Pool | undefined {
    return this.#pool
  }

  get avoid(): readonly Server[] | undefined {
    return this.#tried.avoid
  }

  get sent(): boolean {
    return this.sends > 0
  }

  get bodyKept(): boolean {
    return this.#body.isWhole
  }

  get mayTry(): boolean {
    return this.idempotent && this.bodyKept
  }

  /** Whom it waits for: clients take turns. */
  get source(): string {
    return this.#client.connection.peer
  }

  /** Gives the request to a server, or lets it wait for one. */
  dispatch(pool: Pool, chooser: Chooser): void {
    this.#pool = pool
    this.#body.keepAt(pool.bodies)
    this.chooser = chooser
    pool.budget.requests += 1
    this.#choose(pool)
  }

  #choose(pool: Pool): void {
    const server = pool.isWaitedFor ? undefined : this.#pick(pool)
    return server === undefined ? this.#hold(pool) : this.admitted(server)
  }

  /** Another than those that failed it; rather one of those than none. */
  #pick(pool: Pool): Server | undefined {
    const first = pool.pick(this.chooser, this.mayTry, this.avoid)
    const isBest = first !== undefined || this.avoid === undefined
    return isBest ? first : pool.pick(this.chooser, this.mayTry, undefined)
  }

  #hold(pool: Pool): void {
    this.#weigh(pool)
    if (pool.wait(this) !== undefined) {
      this.timeline.ending = 'hold-full'
      return this.#client.answerOurselves(503, 'Retry-After: 1\r\n')
    }
    this.#record.hold(this.#pool)
  }

  /** Has left a server and goes to another: at once, or as soon as the budget bears it. */
  #repeat(pool: Pool, mayGo: boolean): void {
    this.#client.door.redispatched += 1
    if (mayGo) this.#choose(pool)
    else this.#record.hold(this.#pool)
  }

  /** Queues for the budget; false when there is no place to wait in. */
  #queue(pool: Pool): boolean {
    pool.meter.overBudget += 1
    this.#weigh(pool)
    return pool.repeats.offer(this) === undefined
  }

  /** What it costs to let it wait from now on. */
  #weigh(pool: Pool): void {
    if (this.heldSince < 0) this.heldSince = pool.holdTime
    this.heldBytes = this.#start.length + this.#body.text.length + this.#client.unsentBytes
  }

  /** Its client has ended its side: others who wait come first from now on. */
  clientEnded(): void {
    const end = (): void => {
      this.hasEnded = true
    }
    if (this.#record.isHeld && this.#pool !== undefined) lower(this.#pool, this, end)
    else end()
  }

  sendAgain(): void {
    this.#record.release()
    this.#choose(this.#pool as Pool)
  }

  waitedTooLong(ending: 'hold-timeout' | 'hold-full' = 'hold-timeout'): void {
    this.#record.release()
    this.timeline.ending = ending
    this.#client.answerOurselves(503, 'Retry-After: 1\r\n')
  }

  admitted(server: Server): void {
    this.#record.release()
    const pool = this.#pool as Pool
    pool.begin(server)
    this.#goTo(pool, server, false)
  }

  /** Goes to a server on which it has a place. */
  #goTo(pool: Pool, server: Server, fresh: boolean): void {
    this.#server = server
    this.timeline.assign(server.row.id, this.#shared.exact)
    this.#second.watch(pool)
    const oldest = this.idempotent ? Infinity : freshMost
    const since = this.#shared.deadlines.now - oldest
    const only = pool.row.sendProxy === undefined ? undefined : this.#client.connection
    const idle = fresh ? undefined : server.takeIdle(since, only)
    this.upstream = idle ?? new HttpUpstream(pool, server, server.address as string, this.#client)
    idle?.send(this.#client)
  }

  sendHedge(hedge: Hedge): void {
    if (hedge.link === undefined) return
    this.sends += 1
    this.timeline.tries += 1
    this.#client.sendRequest(hedge.link, this.#start + this.#body.text)
  }

  hedgeLost(struck: boolean): void {
    if (struck) this.strikes += 1
    const hedge = this.#second.take()
    if (hedge !== undefined) this.#tried.add(hedge.server)
    hedge?.leave()
  }

  hedgeWins(): void {
    this.#second.blameFirst()
    this.#goWithHedge()
  }

  /** Leaves the first server for the second; false when there is none. */
  #goWithHedge(): boolean {
    const hedge = this.#second.take()
    if (hedge === undefined) return false
    this.#leave()
    hedge.alone = true
    this.upstream = hedge.link
    this.#server = hedge.server
    this.timeline.change(hedge.server.row.id, hedge.assigned, hedge.sent, hedge.firstByte)
    return true
  }

  /** Sends it: again, when some of it has been sent before. */
  send(): void {
    const { upstream } = this
    if (upstream === undefined) return
    this.sends += 1
    this.timeline.send(this.#shared.exact)
    this.#server?.meter.sent(this.timeline.connect)
    const { written } = upstream
    this.#client.sendRequest(upstream, this.#start + this.#body.text)
    if (this.idempotent || this.#body.text === '' || upstream.mayDecline === true) return
    upstream.connection.flush()
    // The server has some of it: what may be carried out once only is not sent again.
    if (written === undefined || upstream.written !== written) this.#body.forget()
  }

  /** The first byte of an answer has come. */
  answerBegins(): void {
    const { timeline } = this
    if (timeline.firstByte >= 0) return
    timeline.firstByte = this.#shared.exact
    this.#second.heard()
  }

  /** Whether the next part of the body should be kept, too. */
  get keeps(): boolean {
    return this.bodyKept && (this.idempotent || this.upstream?.mayDecline === true)
  }

  get keptMost(): number {
    return this.#body.most
  }

  keep(part: string | undefined): void {
    this.#body.add(part)
  }

  /** An attempt has come to nothing, and no byte of an answer has come. */
  attemptFailed(failure: Failure, why: string): void {
    const [pool, server] = [this.#pool as Pool, this.#server as Server]
    if (failure === 'declined') this.sends -= 1
    // The server closed a connection that it had served before: that says nothing against it.
    const isStale = failure !== 'silent' && failure !== 'refused' && this.upstream?.isStale === true
    if (isStale && server.isOffered && !this.#second.isOn && mayRepeat(this)) {
      if (failure === 'reset') this.sends -= 1
      this.upstream?.close()
      pool.beginAgain(server)
      return this.#goTo(pool, server, true)
    }
    if (failure === 'declined') this.#declines += 1
    if (failure === 'unable') pool.lacks(why)
    const isForgiven = isNobodysFault(failure) || (isStale && this.#second.isOn)
    if (isForgiven) pool.untried(server)
    else {
      pool.failed(server, failure, why)
      if (failure !== 'refused') this.strikes += 1
    }
    if (this.#goWithHedge()) return this.#tried.add(server)
    this.#leave()
    const again = mayRepeat(this) && this.#declines < sendsMost
    const isFree = failure === 'refused'
    const mayGo = again && failure !== 'unable' && (isFree || pool.budget.take())
    if (!mayGo && !(again && this.#queue(pool))) {
      this.timeline.ending = isNobodysFault(failure) ? 'refused' : failure
      return this.#client.answerOurselves(failure === 'silent' ? 504 : 502, '')
    }
    this.#tried.add(server)
    this.#repeat(pool, mayGo)
  }

  /** A server answered with an error: true if another one gets the request instead. */
  serverError(why: string): boolean {
    const [pool, server] = [this.#pool as Pool, this.#server as Server]
    pool.failed(server, 'server-error', why)
    this.#tried.blame(server)
    if (this.#goWithHedge()) return true
    const again = mayRepeat(this) && this.sends < sendsMost
    const next = again ? pool.pick(this.chooser, false, this.avoid) : undefined
    if (next === undefined || !pool.budget.take()) {
      this.#tried.forgive()
      return false
    }
    // First, since whoever waits for the place that it leaves might get the one that it goes to.
    pool.begin(next)
    this.#leave()
    this.#client.door.redispatched += 1
    this.#goTo(pool, next, false)
    return true
  }

  /** The server has been called down before it answered. */
  serverDown(): void {
    const [pool, server] = [this.#pool as Pool, this.#server as Server]
    if (this.#goWithHedge()) return this.#tried.add(server)
    if (!mayRepeat(this)) return
    const mayGo = !this.sent || pool.budget.take()
    if (!mayGo && !this.#queue(pool)) return
    pool.untried(server)
    this.#leave()
    this.#tried.add(server)
    this.#repeat(pool, mayGo)
  }

  /** The answer broke off in the middle: the client has to see that it is not whole. */
  answerBroken(failure: Failure, why: string): void {
    this.#pool?.failed(this.#server as Server, isNobodysFault(failure) ? 'reset' : failure, why)
    this.timeline.ending = 'answer-broken'
    this.#client.abort()
  }

  #leave(): void {
    const { upstream } = this
    const server = this.#server
    this.upstream = undefined
    this.#server = undefined
    upstream?.close()
    if (server !== undefined) this.#pool?.end(server)
  }

  /** What it holds until it ends. */
  take(places: Places): void {
    this.#record.places = places
  }

  /** Nobody wants the answer any more. */
  giveUp(): void {
    if (this.#record.isHeld && this.#pool !== undefined) withdraw(this.#pool, this)
    this.#record.release()
    this.#second.over()
    this.#body.drop()
    if (this.#server === undefined) return
    this.#pool?.untried(this.#server)
    this.#leave()
  }

  /** It ends before it is answered, or in the middle of that. */
  broken(ending: Ending): void {
    this.#record.end(this.#start, this.#pool, this.#server, ending)
  }

  becomeTunnel(): void {
    this.#record.becomeTunnel(this.#pool, this.#server)
    this.#forget()
  }

  tunnelOver(): void {
    this.#record.tunnelOver(this.#start, this.#pool)
  }

  /** The answer is out. */
  end(): void {
    this.#record.end(this.#start, this.#pool, this.#server)
    this.#start = ''
    this.#forget()
  }

  #forget(): void {
    this.#second.over()
    this.#body.drop()
    this.upstream = undefined
    this.#server = undefined
    this.#tried.forget()
    this.heldSince = instant(-1)
  }
}
