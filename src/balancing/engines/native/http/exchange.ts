// One request on its way: which server has it, what became of that, and may it go to another?

import { type Instant, instant } from '../../../../foundation/time.ts'
import type { PolicyName } from '../../../model.ts'
import { keyless } from '../../../policies/hash-key.ts'
import { type Attempt, mayRepeat } from '../../../repeat.ts'
import type { Door } from '../edge/door.ts'
import { Account } from '../edge/meters.ts'
import type { Pool, PoolWaiter, Repeater } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import type { Shared } from '../edge/shared.ts'
import type { Hedge } from './hedge.ts'
import type { AnswerSink, Failure, UpstreamLink } from './parts.ts'
import { SecondTry, type TriedRequest } from './second-try.ts'
import { type Ending, Timeline } from './timeline.ts'
import { HttpUpstream } from './upstream.ts'

/** A pooled connection idle for longer carries no request that may not be repeated. */
const freshMost = 500

/** The client of an exchange, as the exchange sees it. */
export interface ExchangeClient extends AnswerSink {
  readonly door: Door
  /** Bytes of the request that have come and not been sent. */
  readonly unsentBytes: number
  sendRequest(upstream: UpstreamLink, start: string): void
  answerOurselves(status: number, lines: string): void
  abort(): void
}

/** The request of one client connection; used again for the next one. */
export class Exchange implements PoolWaiter, Repeater, Attempt, TriedRequest {
  readonly #client: ExchangeClient
  readonly #shared: Shared
  readonly timeline = new Timeline()
  readonly #account: Account
  upstream: UpstreamLink | undefined
  #server: Server | undefined
  #pool: Pool | undefined
  policy: PolicyName = 'roundrobin'
  key = keyless
  bound = Infinity
  /** The head as it is sent, and as much of the body as has been sent and kept. */
  #start = ''
  #kept = ''
  idempotent = false
  headOnly = false
  asksUpgrade = false
  bodyKept = true
  #answered = false
  sends = 0
  heldSince: Instant = instant(-1)
  #isHeld = false
  /** Servers that have failed this request, and those among them that answered with an error. */
  avoid: Server[] | undefined
  #blamed: Server[] | undefined
  readonly #second: SecondTry

  constructor(client: ExchangeClient, shared: Shared) {
    this.#client = client
    this.#shared = shared
    this.#second = new SecondTry(this, client, shared)
    this.#account = new Account(client.door.meter)
  }

  begin(start: string, idempotent: boolean, headOnly: boolean, asksUpgrade: boolean): void {
    this.#start = start
    this.#pool = undefined
    this.idempotent = idempotent
    this.headOnly = headOnly
    this.asksUpgrade = asksUpgrade
    this.bodyKept = true
    this.#answered = false
    this.sends = 0
  }

  get answered(): boolean {
    return this.#answered
  }

  /** A final answer goes to the client: nobody else has to work on one. */
  answers(status: number): void {
    this.#answered = true
    this.timeline.status = status
    this.#second.over()
  }

  get server(): Server | undefined {
    return this.#server
  }

  get pool(): Pool | undefined {
    return this.#pool
  }

  get sent(): boolean {
    return this.sends > 0
  }

  get mayTry(): boolean {
    return this.idempotent && this.bodyKept
  }

  get heldBytes(): number {
    return this.#start.length + this.#kept.length + this.#client.unsentBytes
  }

  /** Gives the request to a server, or lets it wait for one. */
  dispatch(pool: Pool, policy: PolicyName, key: number, bound: number): void {
    this.#pool = pool
    this.policy = policy
    this.key = key
    this.bound = bound
    pool.budget.requests += 1
    this.#choose(pool)
  }

  #choose(pool: Pool): void {
    const server = pool.isWaitedFor ? undefined : this.#pick(pool)
    if (server === undefined) this.#hold(pool)
    else this.admitted(server)
  }

  /** Another than those that failed it; rather one of those than none. */
  #pick(pool: Pool): Server | undefined {
    const first = pool.pick(this, this.mayTry, this.avoid)
    if (first !== undefined || this.avoid === undefined) return first
    return pool.pick(this, this.mayTry, undefined)
  }

  #hold(pool: Pool): void {
    if (this.heldSince < 0) this.heldSince = pool.holdTime
    if (pool.wait(this) !== undefined) {
      this.timeline.ending = 'hold-full'
      return this.#client.answerOurselves(503, 'Retry-After: 1\r\n')
    }
    this.#isWaiting()
  }

  #isWaiting(): void {
    const { door } = this.#client
    this.#isHeld = true
    this.timeline.hold(this.#shared.exact)
    door.held += 1
    door.heldTotal += 1
    this.#shared.changed()
  }

  /** Has left a server and goes to another: at once, or as soon as the budget bears it. */
  #repeat(pool: Pool, mayGo: boolean): void {
    this.#client.door.redispatched += 1
    if (mayGo) this.#choose(pool)
    else this.#isWaiting()
  }

  /** Queues for the budget; false when there is no place to wait in. */
  #queue(pool: Pool): boolean {
    pool.meter.overBudget += 1
    if (this.heldSince < 0) this.heldSince = pool.holdTime
    return pool.repeats.offer(this) === undefined
  }

  sendAgain(): void {
    this.#unhold()
    this.#choose(this.#pool as Pool)
  }

  #unhold(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.timeline.release(this.#shared.exact)
    this.#client.door.held -= 1
  }

  waitedTooLong(): void {
    this.#unhold()
    this.timeline.ending = 'hold-timeout'
    this.#client.answerOurselves(503, 'Retry-After: 1\r\n')
  }

  admitted(server: Server): void {
    this.#unhold()
    this.#assign(server, false)
  }

  #assign(server: Server, fresh: boolean): void {
    const pool = this.#pool as Pool
    this.#server = server
    pool.begin(server)
    this.timeline.assign(server.row.id, this.#shared.exact)
    this.#second.watch(pool)
    const idle = fresh ? undefined : this.#idleOf(server)
    if (idle !== undefined) {
      this.upstream = idle
      idle.send(this.#client)
    } else {
      this.upstream = new HttpUpstream(pool, server, server.address as string, this.#client)
    }
  }

  sendHedge(hedge: Hedge): void {
    if (hedge.link === undefined) return
    this.sends += 1
    this.timeline.tries += 1
    this.#client.sendRequest(hedge.link, this.#start + this.#kept)
  }

  hedgeLost(): void {
    const hedge = this.#second.take()
    if (hedge !== undefined) this.#avoids(hedge.server)
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

  /** What may not be repeated takes no connection that the server may be closing just now. */
  #idleOf(server: Server): UpstreamLink | undefined {
    const { sendProxy } = (this.#pool as Pool).row
    const only = sendProxy === undefined ? undefined : this.#client.connection
    const { idle } = server
    const place = idle.findLastIndex((link) => link.only === only)
    const last = idle[place]
    if (last === undefined) return undefined
    const age = this.#shared.deadlines.now - last.idleSince
    if (!this.idempotent && age > freshMost) return undefined
    if (place === idle.length - 1) return idle.pop()
    return idle.splice(place, 1)[0]
  }

  /** Sends it: again, when some of it has been sent before. */
  send(): void {
    const { upstream } = this
    if (upstream === undefined) return
    this.sends += 1
    this.timeline.send(this.#shared.exact)
    this.#server?.meter.sent(this.timeline.connect)
    this.#client.sendRequest(upstream, this.#start + this.#kept)
  }

  /** The first byte of an answer has come. */
  answerBegins(): void {
    const { timeline } = this
    if (timeline.firstByte >= 0) return
    timeline.firstByte = this.#shared.exact
    this.#second.heard()
  }

  get keeps(): boolean {
    return this.bodyKept
  }

  /** Keeps a part of the body that is being sent, as long as all of it stays below `most`. */
  keep(part: string, most: number): void {
    if (!this.bodyKept) return
    this.bodyKept = this.idempotent && this.#kept.length + part.length <= most
    this.#kept = this.bodyKept ? this.#kept + part : ''
  }

  /** An attempt has come to nothing, and no byte of an answer has come. */
  attemptFailed(failure: Failure, why: string): void {
    const [pool, server] = [this.#pool as Pool, this.#server as Server]
    // The server closed a connection that it had served before: that says nothing against it.
    const isStale = failure === 'reset' && this.upstream?.isStale === true && server.isOffered
    if (isStale && !this.#second.isOn && mayRepeat(this)) {
      this.sends -= 1
      this.#leave()
      return this.#assign(server, true)
    }
    if (!isStale || !this.#second.isOn) pool.failed(server, failure, why)
    if (this.#goWithHedge()) return this.#avoids(server)
    this.#leave()
    const again = mayRepeat(this)
    const mayGo = again && (failure === 'refused' || pool.budget.take())
    if (!mayGo && !(again && this.#queue(pool))) {
      this.timeline.ending = failure
      return this.#client.answerOurselves(failure === 'silent' ? 504 : 502, '')
    }
    this.#avoids(server)
    this.#repeat(pool, mayGo)
  }

  #avoids(server: Server): void {
    this.avoid = [...(this.avoid ?? []), server]
    server.meter.redispatched += 1
  }

  /** A server answered with an error: true if another one gets the request instead. */
  serverError(why: string): boolean {
    const server = this.#server as Server
    const pool = this.#pool as Pool
    pool.failed(server, 'server-error', why)
    this.#blamed = [...(this.#blamed ?? []), server]
    this.#avoids(server)
    if (this.#goWithHedge()) return true
    const next = mayRepeat(this) ? pool.pick(this, false, this.avoid) : undefined
    if (next === undefined || !pool.budget.take()) {
      if (this.#blamed.length > 1) for (const blamed of this.#blamed) blamed.forgive()
      return false
    }
    this.#leave()
    this.#client.door.redispatched += 1
    this.#assign(next, false)
    return true
  }

  /** The server has been called down before it answered. */
  serverDown(): void {
    const [pool, server] = [this.#pool as Pool, this.#server as Server]
    if (this.#goWithHedge()) return this.#avoids(server)
    if (!mayRepeat(this)) return
    const mayGo = !this.sent || pool.budget.take()
    if (!mayGo && !this.#queue(pool)) return
    pool.untried(server)
    this.#leave()
    this.#avoids(server)
    this.#repeat(pool, mayGo)
  }

  /** The answer broke off in the middle: the client has to see that it is not whole. */
  answerBroken(failure: Failure, why: string): void {
    this.#pool?.failed(this.#server as Server, failure, why)
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

  /** Nobody wants the answer any more. */
  giveUp(): void {
    if (this.#isHeld && this.#pool?.hold.remove(this) === false) this.#pool.repeats.remove(this)
    this.#unhold()
    this.#second.over()
    if (this.#server === undefined) return
    this.#pool?.untried(this.#server)
    this.#leave()
  }

  /** It ends before it is answered, or in the middle of that. */
  broken(ending: Ending): void {
    if (this.timeline.ending === 'done') this.timeline.ending = ending
    this.#close()
  }

  #close(): void {
    this.timeline.ended = this.#shared.exact
    this.#account.close(this.timeline, this.#pool, this.#server?.meter)
  }

  /** The answer is out. */
  end(): void {
    this.#close()
    this.#second.over()
    this.#start = ''
    this.#kept = ''
    this.upstream = undefined
    this.#server = undefined
    this.avoid = undefined
    this.#blamed = undefined
    this.heldSince = instant(-1)
  }
}
