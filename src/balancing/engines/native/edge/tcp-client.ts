// One client connection in TCP mode: finds it a server, and carries bytes both ways.

import { type Instant, instant } from '../../../../foundation/time.ts'
import { latin1 } from '../../../../wire/latin1.ts'
import { proxyHeader } from '../../../../wire/proxy/proxy-header.ts'
import { anyServer, type Chooser } from '../../../policies/choose.ts'
import { Timeline } from '../http/timeline.ts'
import { isOurLack } from '../transport/lacks.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import type { Expiring } from './deadlines.ts'
import { dial } from './dial.ts'
import type { Door, DoorClient } from './door.ts'
import { Account } from './meters.ts'
import type { Pool } from './pool.ts'
import { chooserOf } from './route.ts'
import type { Server, ServerLink } from './server.ts'
import type { Shared } from './shared.ts'
import { sourceOf } from './source.ts'
import { splice } from './splice.ts'
import type { PoolWaiter } from './waiters.ts'

/** What a waiting connection costs, about. */
const connectionBytes = 1024
/** More than one read brings, and what was kept of a PROXY header before it. */
const earlyMost = 128 * 1024

const nobody = { peer: '', secure: false, alpnProtocol: '' }

export class TcpClient implements ConnectionOwner, Expiring, DoorClient, PoolWaiter, ServerLink {
  readonly connection: Connection
  heldBytes = connectionBytes
  readonly mayTry = true
  readonly #door: Door
  readonly #shared: Shared
  readonly #place: number
  #pool: Pool | undefined
  chooser: Chooser = anyServer
  heldSince: Instant = instant(-1)
  #isHeld = false
  #server: Server | undefined
  #upstream: Connection | undefined
  #breakTunnel: (() => void) | undefined
  #isClosed = false
  /** What came in one read with the PROXY header before it. */
  #early = ''
  /** And its client has ended its side since: node:net tells so of what is paused, too. */
  #endedEarly = false
  readonly timeline = new Timeline()
  readonly #account: Account
  #client = nobody

  constructor(connection: Connection, door: Door, shared: Shared) {
    this.connection = connection
    this.#door = door
    this.#shared = shared
    this.#place = shared.deadlines.take(this)
    shared.tick()
    this.timeline.begin(shared.exact)
    this.#account = new Account(door.meter)
    // Whose it was cannot be asked when it has ended.
    if (door.log !== undefined)
      this.#client = {
        peer: connection.peer,
        secure: connection.secure,
        alpnProtocol: connection.alpnProtocol,
      }
    door.connections += 1
    door.requests += 1
    door.clients.add(this)
    connection.pause()
  }

  get isBusy(): boolean {
    return true
  }

  /** Finds a server: nothing is read from the client before it can be passed on. */
  begin(): void {
    const route = this.#door.only
    const target = route?.target
    if (route === undefined || target === undefined) return this.#close(true)
    if (this.#isTurnedAway(target)) return this.#close(true)
    this.#pool = target
    const source = sourceOf(this.connection.peer)
    this.chooser = chooserOf(route, { source, method: '', target: '', field: () => undefined })
    this.#choose(target)
  }

  #isTurnedAway(pool: Pool): boolean {
    const closed = this.#door.closed ?? pool.closed
    return closed?.turnsAway(this.connection.peer) === true
  }

  #choose(pool: Pool): void {
    const server = pool.isWaitedFor ? undefined : pool.pick(this.chooser, this.mayTry, undefined)
    if (server !== undefined) return this.admitted(server)
    if (this.heldSince < 0) this.heldSince = pool.holdTime
    if (pool.wait(this) !== undefined) {
      this.timeline.ending = 'hold-full'
      return this.#close(true)
    }
    this.#isHeld = true
    this.timeline.hold(this.#shared.exact, !pool.isDark)
    this.#door.held += 1
    this.#door.heldTotal += 1
    this.#shared.changed()
  }

  #unhold(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.timeline.release(this.#shared.exact)
    this.#door.held -= 1
  }

  waitedTooLong(ending: 'hold-timeout' | 'hold-full' = 'hold-timeout'): void {
    this.#unhold()
    this.timeline.ending = ending
    this.#close(true)
  }

  admitted(server: Server): void {
    this.#unhold()
    const pool = this.#pool as Pool
    pool.begin(server)
    this.timeline.assign(server.row.id, this.#shared.exact)
    this.#server = server
    server.links.add(this)
    this.#shared.deadlines.set(this.#place, pool.row.connectTimeout)
    const nothing = (): void => undefined
    this.#upstream = dial(this.#shared.transport, pool, server, {
      connected: () => this.#connected(pool, server),
      failed: (code) =>
        isOurLack(code) ? this.#lacks(code) : this.#missed(`connecting failed: ${code}`),
      received: nothing,
      ended: nothing,
      drained: nothing,
      unwritable: nothing,
    })
  }

  #connected(pool: Pool, server: Server): void {
    pool.reached(server)
    pool.succeeded(server)
    this.#active()
    const { timeline } = this
    this.#shared.tick()
    timeline.send(this.#shared.exact)
    server.meter.sent(timeline.connect)
    const upstream = this.#upstream as Connection
    const { sendProxy } = pool.row
    if (sendProxy !== undefined) upstream.write(proxyHeader(sendProxy, this.connection.ends))
    this.#sendEarly(upstream, server)
    this.#breakTunnel = splice(this.connection, upstream, {
      up: (count) => this.#wentUp(count, server),
      down: (count) => {
        this.#door.bytesOut += count
        timeline.bytesOut += count
        if (timeline.firstByte < 0) this.#firstByte()
        server.meter.carried(0, count)
        server.heardAt = this.#shared.deadlines.now
        this.#active()
      },
      over: () => this.#close(false),
    })
    if (this.#endedEarly) this.connection.owner.ended()
  }

  /** Before all that is read from now on; nothing is until the server has taken it. */
  #sendEarly(upstream: Connection, server: Server): void {
    const early = this.#early
    if (early === '') return
    this.#early = ''
    upstream.write(early)
    this.#wentUp(early.length, server)
    if (upstream.flush() > 0) this.connection.waitFor(upstream)
  }

  #wentUp(count: number, server: Server): void {
    this.#door.bytesIn += count
    this.timeline.bytesIn += count
    server.meter.carried(count, 0)
    this.#active()
  }

  #firstByte(): void {
    this.#shared.tick()
    this.timeline.firstByte = this.#shared.exact
  }

  #active(): void {
    this.#shared.deadlines.set(this.#place, this.#door.row.idleTimeout)
  }

  /** The server could not be reached: nothing has been sent, so another one may have it. */
  #missed(why: string): void {
    const pool = this.#pool as Pool
    const server = this.#server as Server
    pool.failed(server, 'refused', why)
    this.#leaveServer()
    this.#door.redispatched += 1
    this.#choose(pool)
  }

  /** We have no file or port left for it: another server would be asked in vain, too. */
  #lacks(code: string): void {
    const pool = this.#pool as Pool
    pool.lacks(code)
    pool.untried(this.#server as Server)
    this.timeline.ending = 'refused'
    this.#close(true)
  }

  #leaveServer(): void {
    const server = this.#server
    if (server === undefined) return
    this.#server = undefined
    this.#upstream?.close()
    this.#upstream = undefined
    server.links.delete(this)
    this.#pool?.end(server)
  }

  expired(): void {
    if (this.#breakTunnel !== undefined) this.#breakTunnel()
    else this.#missed(`connecting took longer than ${this.#pool?.row.connectTimeout} ms`)
  }

  serverDown(): void {
    if (this.#breakTunnel !== undefined) {
      if (this.#pool?.row.cut !== undefined) this.#cut(this.#breakTunnel)
      return
    }
    this.#leaveServer()
    this.#choose(this.#pool as Pool)
  }

  /** What the client hears from a server that was replaced would not be true any more. */
  #cut(breakTunnel: () => void): void {
    this.timeline.ending = 'cut'
    breakTunnel()
  }

  #close(broken: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    if (this.#isHeld) this.#pool?.hold.remove(this)
    this.#unhold()
    if (broken) this.connection.reset()
    this.#count()
    this.#leaveServer()
    this.#shared.deadlines.give(this.#place)
    this.#door.connections -= 1
    if (this.#breakTunnel === undefined) this.#door.count(0)
    this.#door.clients.delete(this)
  }

  #count(): void {
    const { timeline } = this
    this.#shared.tick()
    timeline.ended = this.#shared.exact
    const reached = this.#breakTunnel !== undefined
    const none = this.#pool === undefined ? 'no-route' : 'client-gone'
    if (timeline.ending === 'done') timeline.ending = reached ? 'tunnel' : none
    this.#account.closeConnection(timeline, this.#pool, this.#server?.meter)
    this.#door.log?.request(this.#client, timeline, '', this.#pool)
  }

  leave(now: boolean): void {
    if (!now) return
    if (this.#breakTunnel !== undefined) this.#breakTunnel()
    else this.#close(true)
  }

  /** Only what came with a PROXY header does so early: kept, and counted if it has to wait. */
  received(bytes: Buffer, end: number): void {
    if (this.#isClosed) return
    if (this.#early.length + end > earlyMost) return this.#close(true)
    const pool = this.#isHeld ? this.#pool : undefined
    pool?.hold.remove(this)
    this.#early += latin1(bytes, 0, end)
    this.heldBytes = connectionBytes + this.#early.length
    if (pool?.wait(this) !== undefined) this.waitedTooLong('hold-full')
  }

  connected(): void {}
  drained(): void {}
  ended(): void {
    if (this.#early === '') this.#close(true)
    else this.#endedEarly = true
  }
  unwritable(): void {
    this.#close(true)
  }
  failed(): void {
    this.#close(true)
  }
}
