// One session of a database's client: passed on while all is well, and led to another server when
// its own one goes. Knows connections and who waits for whom; what is spoken is its talk's.

import { type Instant, instant } from '../../../../foundation/time.ts'
import { anyServer, type Chooser } from '../../../policies/choose.ts'
import type { Expiring } from '../edge/deadlines.ts'
import type { Door, DoorClient } from '../edge/door.ts'
import type { Pool } from '../edge/pool.ts'
import { chooserOf } from '../edge/route.ts'
import type { Server, ServerLink } from '../edge/server.ts'
import type { Shared } from '../edge/shared.ts'
import { sourceOf } from '../edge/source.ts'
import type { PoolWaiter } from '../edge/waiters.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import { Asked } from './asked.ts'
import { SessionLedger } from './ledger.ts'
import type { Farewell, Login, Talk } from './talk.ts'
import { Upstream } from './upstream.ts'

/**
 * `waiting`: for a server, or to be connected to one. `first`: the client logs in. `again`: we log
 * in for it. `passing`: both sides talk. `resting`: it has no server and wants nothing. `leaving`:
 * it has been told of its end.
 */
type Phase = 'waiting' | 'first' | 'again' | 'passing' | 'resting' | 'leaving' | 'over'

/** What a waiting session costs, with all that its client may say meanwhile. */
const heldMost = 64 * 1024
/** For a client to read why its session ends. */
const lingerTime = 1000

const noBytes: Buffer = Buffer.alloc(0)
const leaves = 'it ended the session'

export class Session implements ConnectionOwner, Expiring, DoorClient, PoolWaiter, ServerLink {
  readonly connection: Connection
  readonly mayTry = true
  readonly isBusy = true
  readonly talk: Talk
  readonly #door: Door
  readonly #shared: Shared
  readonly #place: number
  readonly #ledger: SessionLedger
  chooser: Chooser = anyServer
  heldSince: Instant = instant(-1)
  heldBytes = heldMost
  #phase: Phase = 'waiting'
  /** What the client has said and nobody was told; what the server said and is not passed on. */
  #stash: Buffer
  #aside = noBytes
  #isQueued = false
  #pool: Pool | undefined
  #server: Server | undefined
  #upstream: Upstream | undefined
  #login: Login | undefined
  readonly #asked = new Asked()
  /** Something of the present server has reached the client. */
  #isAnswered = false
  #clientEnded = false

  constructor(connection: Connection, door: Door, shared: Shared, talk: Talk, said: Buffer) {
    this.connection = connection
    this.talk = talk
    this.#door = door
    this.#shared = shared
    this.#stash = said
    this.#place = shared.deadlines.take(this)
    this.#ledger = new SessionLedger(connection, door, shared)
    door.clients.add(this)
  }

  /** The server that it is on at this moment. */
  get server(): Server | undefined {
    return this.#phase === 'passing' ? this.#server : undefined
  }

  /** Finds a server for it. */
  begin(): void {
    const route = this.#door.only
    const target = route?.target
    const { peer } = this.connection
    const isClosed = (this.#door.closed ?? target?.closed)?.turnsAway(peer) === true
    if (route === undefined || target === undefined || isClosed) return this.#close(true)
    this.#pool = target
    const source = sourceOf(peer)
    this.chooser = chooserOf(route, { source, method: '', target: '', field: () => undefined })
    this.#choose(target)
  }

  /** It is heard meanwhile, within bounds: who hangs up has nothing done that it asked for. */
  #choose(pool: Pool): void {
    this.#phase = 'waiting'
    this.heldBytes = Math.max(heldMost, this.#stash.length)
    if (this.#stash.length < heldMost) this.connection.resume()
    this.#shared.deadlines.clear(this.#place)
    const server = pool.isWaitedFor ? undefined : pool.pick(this.chooser, this.mayTry, undefined)
    if (server !== undefined) return this.admitted(server)
    if (this.heldSince < 0) this.heldSince = pool.holdTime
    if (pool.wait(this) !== undefined) return this.waitedTooLong('hold-full')
    this.#isQueued = true
    this.#ledger.held(pool.isDark)
  }

  waitedTooLong(ending: 'hold-timeout' | 'hold-full' = 'hold-timeout'): void {
    this.#isQueued = false
    this.#ledger.ending = ending
    this.#sayFarewell('nobody')
  }

  admitted(server: Server): void {
    this.#isQueued = false
    const pool = this.#pool as Pool
    pool.begin(server)
    this.#ledger.assigned(server)
    this.#server = server
    server.links.add(this)
    this.#shared.deadlines.set(this.#place, pool.row.connectTimeout)
    this.#upstream = new Upstream(this.#shared, pool, server, this.talk.asksForTls, {
      connected: () => this.#connected(pool, server),
      failed: (code) => this.#serverLost(code),
      received: (bytes, end) => this.#heardServer(bytes, end),
      ended: () => this.#serverLost('it closed the connection'),
      drained: () => this.#clientEnded && this.#close(false),
      unwritable: () => undefined,
    })
  }

  #connected(pool: Pool, server: Server): void {
    pool.reached(server)
    this.#isAnswered = false
    this.#ledger.connected(server)
    // To log in takes longer than to connect, where many come at once to a server that is new.
    this.#shared.deadlines.set(this.#place, this.#door.row.headTimeout)
    if (this.talk.stands) {
      this.#phase = 'again'
      this.#login = this.talk.login()
      return this.#tell(this.#login.begin())
    }
    this.#phase = 'first'
    this.#tell(this.talk.beginning)
    this.#goOn()
  }

  #tell(words: Buffer | undefined): void {
    if (words !== undefined) this.#upstream?.say(words)
  }

  /** What the client has said meanwhile goes first. */
  #goOn(): void {
    const said = this.#stash
    this.#stash = noBytes
    if (said.length > 0) {
      if (this.#phase === 'passing') this.#asked.begin(said)
      this.talk.clientSaid(said, 0, said.length)
      this.#tell(said)
    }
    this.connection.resume()
  }

  /** The session stands at its server: both sides talk from now on. */
  #pass(): void {
    this.#pool?.succeeded(this.#server as Server)
    this.#ledger.unheld()
    this.#ledger.hasPassed = true
    this.heldSince = instant(-1)
    this.#phase = 'passing'
    this.#shared.deadlines.set(this.#place, this.#door.row.idleTimeout)
    this.#shared.sessions.remember(this)
    this.#goOn()
  }

  received(bytes: Buffer, end: number): void {
    const upstream = this.#upstream
    this.#ledger.up(end, this.#server)
    if ((this.#phase === 'passing' || this.#phase === 'first') && upstream !== undefined) {
      if (this.#aside.length > 0 && !this.#asked.isOpen) this.#passAside()
      this.#keep(bytes.subarray(0, end))
      this.talk.clientSaid(bytes, 0, end)
      upstream.take(this.connection, bytes, end)
    } else if (this.#phase !== 'leaving') {
      this.#stash = Buffer.concat([this.#stash, bytes.subarray(0, end)])
      if (this.#stash.length >= heldMost) this.connection.pause()
      if (this.#phase === 'resting') this.#wake()
    }
  }

  #keep(said: Buffer): void {
    if (this.talk.rests) this.#asked.begin(said)
    else if (!this.#asked.add(said) && this.#aside.length > 0) this.#passAside()
  }

  /** A session without a server has something to say: it needs one. */
  #wake(): void {
    if (this.talk.isGoodbye(this.#stash)) return this.#close(false)
    this.#choose(this.#pool as Pool)
  }

  #heardServer(bytes: Buffer, end: number): void {
    const server = this.#server
    if (server !== undefined) server.heardAt = this.#shared.deadlines.now
    if (this.#phase === 'again') return this.#loginHeard(bytes, end)
    if (this.#asked.isOpen && this.#aside.length === 0) {
      if (!this.talk.mayLeave(bytes, end)) this.#asked.answered()
    }
    const isAside = this.#aside.length > 0 || this.#asked.isOpen
    if (this.#isAnswered && !this.talk.rests && !isAside) {
      const stop = this.talk.serverSaid(bytes, 0, end)
      this.#ledger.down(stop, server)
      this.#upstream?.connection.passOn(this.connection, bytes, 0, stop)
      if (stop < end) this.#heardUnasked(bytes, stop, end)
    } else this.#heardUnasked(bytes, 0, end)
    if (this.#upstream === undefined) return
    if (this.talk.stands && this.#phase === 'first') this.#pass()
    if (this.talk.rests) this.#cameToRest()
  }

  /** What a server says by itself is read before it is passed on: it may say that it goes. */
  #heardUnasked(bytes: Buffer, start: number, end: number): void {
    this.#aside = Buffer.concat([this.#aside, bytes.subarray(start, end)])
    const heard = this.talk.unasked(this.#aside)
    if (heard === 'more') return
    const mayGo = heard === 'leaves' && !(this.talk.stands && this.talk.boundBy !== undefined)
    if (mayGo && (!this.#asked.isOpen || this.#takeBack())) {
      const isShut = this.talk.leavesForAll && this.#stash.length > 0
      this.#aside = noBytes
      return isShut ? this.#missed(leaves) : this.#serverLost(leaves)
    }
    this.#passAside()
  }

  /** It was not done: the next server is asked. */
  #takeBack(): boolean {
    if (!this.talk.takeBack()) return false
    this.#stash = this.#asked.refused(this.#server, this.#aside)
    return true
  }

  #passAside(): void {
    const said = this.#aside
    this.#aside = noBytes
    this.#asked.answered()
    this.#isAnswered = true
    for (let at = 0; at < said.length; ) at = this.talk.serverSaid(said, at, said.length)
    this.#ledger.down(said.length, this.#server)
    this.connection.writeBytes(said)
    this.#upstream?.connection.waitFor(this.connection)
  }

  /** Nothing is under way, unless the client does not read; a server that drains is left. */
  #cameToRest(): void {
    if (this.connection.pending === 0) this.#upstream?.connection.settle()
    if (this.#server?.isOffered === false) this.serverDrains()
  }

  #loginHeard(bytes: Buffer, end: number): void {
    const step = (this.#login as Login).heard(bytes, end)
    switch (step.kind) {
      case 'more':
        return this.#tell(step.send)
      case 'done':
        return this.#loggedIn(step.tell, bytes.subarray(step.used, end))
      case 'not-now':
        return this.#missed(step.why)
      case 'refused':
        this.#shared.event('end-session', this.#door.row.name, step.why, {})
        return this.#end(step.tell)
    }
  }

  #loggedIn(tell: Buffer, rest: Buffer): void {
    const words = this.#asked.meant(this.#server)
    if (words !== undefined) return this.#end(words)
    this.#login = undefined
    this.#isAnswered = true
    if (tell.length > 0) this.connection.writeBytes(tell)
    this.#pass()
    if (rest.length > 0) this.#heardServer(rest, rest.length)
  }

  /** Its server cannot have it now: nothing was sent, so another one, or a later moment, may do. */
  #missed(why: string): void {
    this.#pool?.failed(this.#server as Server, 'refused', why)
    this.#asked.missed()
    this.#door.redispatched += 1
    this.#again()
  }

  #again(): void {
    this.#leaveServer()
    this.#choose(this.#pool as Pool)
  }

  get #isUnbegun(): boolean {
    if (this.#phase === 'first') return !this.#isAnswered
    return this.#phase === 'waiting' || this.#phase === 'again'
  }

  get #mayMove(): boolean {
    const { talk } = this
    return this.#phase === 'passing' && talk.rests && !talk.isOver && talk.boundBy === undefined
  }

  #serverLost(why: string): void {
    if (this.#isUnbegun) return this.#missed(why)
    if (this.#mayMove) return this.#rest()
    if (this.#aside.length > 0) this.#passAside()
    if (this.talk.isOver || !this.talk.stands) return this.#end(noBytes)
    this.#sayFarewell(this.talk.rests ? 'moved' : 'lost')
  }

  /** It has no server for now; what its client says next is held until it has one. */
  #rest(): void {
    this.#aside = noBytes
    this.#leaveServer()
    this.#phase = 'resting'
    if (this.#stash.length > 0) this.#wake()
    else this.connection.resume()
  }

  #leaveServer(): void {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    this.#upstream?.close()
    this.#upstream = undefined
    this.#login = undefined
    server.links.delete(this)
    this.#pool?.end(server)
  }

  serverDrains(): void {
    if (!this.#mayMove) return
    this.#tell(this.talk.goodbye)
    this.#rest()
  }

  serverDown(): void {
    if (this.#isUnbegun) return this.#again()
    if (this.#mayMove) return this.#rest()
    if (this.#pool?.row.cut === undefined) return
    this.#ledger.ending = 'cut'
    this.#sayFarewell(this.talk.rests ? 'moved' : 'lost')
  }

  #sayFarewell(why: Farewell): void {
    this.#end(this.talk.mayInterrupt ? this.talk.farewell(why) : undefined)
  }

  /** The client hears this and has a moment to read it; without it, the connection is broken. */
  #end(last: Buffer | undefined): void {
    this.#ledger.unheld()
    this.#leaveServer()
    if (last === undefined) return this.#close(true)
    this.#phase = 'leaving'
    if (last.length > 0) this.connection.writeBytes(last)
    this.connection.end()
    this.connection.resume()
    this.#shared.deadlines.set(this.#place, lingerTime)
  }

  expired(): void {
    if (this.#phase === 'waiting' || this.#phase === 'again')
      return this.#missed('it took too long')
    this.#close(this.#phase !== 'leaving')
  }

  #close(broken: boolean): void {
    if (this.#phase === 'over') return
    this.#phase = 'over'
    if (this.#isQueued) this.#pool?.hold.remove(this)
    if (broken) this.connection.reset()
    else this.connection.close()
    this.#ledger.closed(this.#pool, this.#server)
    this.#leaveServer()
    this.#shared.sessions.forget(this)
    this.#shared.deadlines.give(this.#place)
    this.#door.clients.delete(this)
  }

  leave(now: boolean): void {
    if (now) this.#close(this.#phase !== 'leaving')
  }

  /** What it said last still goes to its server. */
  ended(): void {
    this.#clientEnded = true
    if ((this.#upstream?.connection.flush() ?? 0) === 0) this.#close(false)
  }

  connected(): void {}
  drained(): void {}
  unwritable(): void {
    this.failed()
  }
  failed(): void {
    this.#close(true)
  }
}
