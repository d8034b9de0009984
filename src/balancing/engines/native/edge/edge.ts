// One edge: listens where the table says, carries the traffic, and accounts for it.

import { Histogram } from '../../../../control/histogram.ts'
import type { Random } from '../../../../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../../../../foundation/time.ts'
import type { Spent } from '../../../limits/model.ts'
import type { EdgeMeters } from '../../../meters/model.ts'
import type { Bind, EdgeReport, EdgeSecrets, Table } from '../../../model.ts'
import { Telling } from '../http/telling.ts'
import { DateLine } from '../http/text.ts'
import type { EdgeMessage } from '../protocol.ts'
import { Sessions } from '../sessions/sessions.ts'
import { Contexts } from '../tls/contexts.ts'
import { Handshakes } from '../tls/handshakes.ts'
import type { Connection, ConnectionOwner, Listener, Transport } from '../transport/transport.ts'
import { AccessLogs, type LogEvent, type OpenLog } from './access-log.ts'
import { countOf, type Everything, metersOf, reportOf } from './accounts.ts'
import { admit, toHttp2 } from './admit.ts'
import { Deadlines, stepLength } from './deadlines.ts'
import { Door, type DoorClient } from './door.ts'
import { type Accept, Entrances } from './entrances.ts'
import { faultOf } from './fault-of.ts'
import { Names } from './names.ts'
import { Pool } from './pool.ts'
import { ProxyGate } from './proxy-gate.ts'
import type { Shared } from './shared.ts'
import { turnAway } from './turn-away.ts'

/** Between two reports while something changes. */
const reportEvery = 250
/** Windows of outliers turn, and names of the removed are forgotten, so often. */
const windowEvery = 5000

/** What an edge is made of. */
export interface EdgeParts {
  readonly edge: number
  readonly transport: Transport
  readonly clock: Clock
  readonly random: Random
  /** Told what the agent should know. */
  readonly tell: (message: EdgeMessage) => void
  /** Opens access logs; without it, none is kept. */
  readonly openLog?: OpenLog
}

export class Edge implements Disposable {
  readonly #parts: EdgeParts
  readonly #shared: Shared
  readonly #names: Names
  readonly #contexts = new Contexts()
  readonly #handshakes: Handshakes
  readonly #logs: AccessLogs | undefined
  readonly #doors = new Map<string, Door>()
  /** Doors of earlier tables that still have connections. */
  readonly #formerDoors = new Set<Door>()
  readonly #pools = new Map<string, Pool>()
  readonly #formerPools = new Set<Pool>()
  readonly #entrances: Entrances
  #table: Table | undefined
  readonly #firstTable = Promise.withResolvers<Table>()
  #opening = Promise.resolve()
  #expectsListeners = false
  #timer: Disposable | undefined
  #lastStep: number
  #lastReport = 0
  #lastWindow = 0
  #changed = false
  #reportNow = false
  #tellsSpent = false
  #whenEmpty: (() => void) | undefined
  #turn: number | undefined

  constructor(parts: EdgeParts) {
    this.#parts = parts
    const { transport, clock, random, tell } = parts
    this.#lastStep = clock.now()
    this.#shared = {
      transport,
      random,
      deadlines: new Deadlines(),
      date: new DateLine(),
      now: clock.now(),
      exact: clock.now(),
      tick: () => {
        const turn = transport.turn?.()
        if (turn !== undefined && turn === this.#turn) return
        this.#turn = turn
        this.#shared.exact = clock.now()
      },
      leaving: false,
      changed: () => {
        this.#changed = true
      },
      changedNow: () => this.#reportSoon(),
      signal: (signal) => tell({ kind: 'signal', signal }),
      event: (rule, subject, why, seen) => tell({ kind: 'event', rule, subject, why, seen }),
      faulted: (thrown) => tell(faultOf(parts.edge, thrown)),
      sessions: new Sessions(),
      secure: (connection, door) => this.#secure(door, connection, true),
      toHttp2: (connection, door, first) => toHttp2(connection, door, this.#shared, first),
    }
    this.#shared.date.turn(this.#shared.now)
    const { event } = this.#shared
    const noted: LogEvent = (rule, path, why) => event(rule, path, why, { edge: parts.edge })
    this.#logs = parts.openLog && new AccessLogs(parts.openLog, noted, random)
    this.#handshakes = new Handshakes(this.#shared, this.#contexts)
    this.#entrances = new Entrances({
      transport,
      accept: (door, connection) => this.#accept(door, connection),
      isOver: () => this.#shared.leaving,
      failed: (bind, code, message) => tell({ kind: 'bind-failed', bind, code, message }),
    })
    this.#names = new Names(clock, () => this.#readdress())
    this.#tick()
  }

  /** The version it routes by; 0 before the first table. */
  get table(): number {
    return this.#table?.version ?? 0
  }

  /** Uses these keys and certificates from now on; tables refer to them by their ids. */
  entrust(secrets: EdgeSecrets): void {
    this.#contexts.entrust(secrets)
    this.#shared.sessions.entrust(secrets.accounts ?? [], secrets.machine)
  }

  /**
   * Routes by `table` from now on, and closes nothing: what is in flight ends where it is. Listens
   * on what is new, having told of every address that it cannot have.
   */
  apply(table: Table): Promise<void> {
    if (table.version < this.table) return this.#opening
    this.#shared.tick()
    this.#table = table
    this.#firstTable.resolve(table)
    this.#removeDoors(table)
    this.#updatePools(table)
    this.#updateDoors(table)
    this.#contexts.forget(table.frontends)
    this.#names.follow(
      new Set(table.pools.flatMap((pool) => pool.servers.map((server) => server.host))),
    )
    this.#readdress()
    return this.#openEntrances()
  }

  /** One after the other: two tables must not open the same address at the same time. */
  #openEntrances(): Promise<void> {
    this.#opening = this.#opening.then(async () => {
      const table = this.#table
      if (this.#expectsListeners || table === undefined) return
      if (!this.#shared.leaving) await this.#entrances.update(table, this.#doors)
      this.#parts.tell({ kind: 'routing', table: table.version })
      this.#reportSoon()
    })
    return this.#opening
  }

  /** From now on tables open no address: a predecessor is going to give us its listeners. */
  expectListeners(): void {
    this.#expectsListeners = true
  }

  /**
   * Listens with a predecessor's handle, if there is a table that wants it; resolves as soon as
   * there is one.
   */
  async inherit(bind: Bind, open: (accept: Accept) => Listener, drop: () => void): Promise<void> {
    const table = this.#table ?? (await this.#firstTable.promise)
    if (!this.#entrances.adopt(bind, table, this.#doors, open)) drop()
  }

  /** The predecessor has given all it had, or never came: what is missing is opened now. */
  listenersReceived(): void {
    this.#expectsListeners = false
    void this.#openEntrances()
  }

  #updatePools(table: Table): void {
    for (const [name, pool] of this.#pools) {
      if (table.pools.some((row) => row.name === name)) continue
      this.#pools.delete(name)
      pool.leave()
      this.#formerPools.add(pool)
    }
    for (const row of table.pools) {
      const pool = this.#pools.get(row.name) ?? new Pool(row, this.#shared)
      this.#pools.set(row.name, pool)
      pool.update(row)
    }
  }

  /** Before the pools: whoever is answered because a service goes has to see its door gone. */
  #removeDoors(table: Table): void {
    for (const [name, door] of this.#doors) {
      if (table.frontends.some((row) => row.name === name)) continue
      this.#doors.delete(name)
      this.#formerDoors.add(door)
      door.former = true
      for (const client of door.clients) client.leave(false)
    }
  }

  #updateDoors(table: Table): void {
    for (const row of table.frontends) {
      const door = this.#doors.get(row.name) ?? new Door(row)
      door.challenges = this.#contexts.answers
      this.#doors.set(row.name, door)
      door.update(row, this.#pools)
      const logged = { frontend: row.name, meter: door.meter }
      door.telling = row.telling && new Telling(row.telling, this.#shared.random)
      door.log = row.log && this.#logs?.logOf(row.log, logged)
    }
    this.#logs?.keep(new Set(table.frontends.flatMap(({ log }) => log?.path ?? [])))
  }

  #accept(door: Door, connection: Connection): ConnectionOwner {
    door.meter.accepted += 1
    if (door.connections >= door.row.maxConnections) {
      door.meter.turnedAway += 1
      return turnAway(connection, door, this.#shared)
    }
    if (door.proxies?.has(connection.peer) === true) {
      return new ProxyGate(connection, door, this.#shared, (known) =>
        this.#secure(door, known, false),
      )
    }
    return this.#secure(door, connection, false)
  }

  /** The connection, whose client is known, begins: under TLS unless that is asked for later. */
  #secure(door: Door, connection: Connection, isAsked: boolean): ConnectionOwner {
    const { tls, speaks } = door.row
    const isPlain = tls === undefined || (speaks !== undefined && !isAsked)
    if (isPlain) return admit(door, connection, this.#shared)
    return this.#handshakes.take(connection, door, (secured) => admit(door, secured, this.#shared))
  }

  get listeners(): readonly Listener[] {
    return this.#entrances.listeners
  }

  /** Where it listens: for tests and for reports, with the ports that the system chose. */
  get listening(): readonly Bind[] {
    return this.#entrances.listeners.map(({ bind, port }) => ({ host: bind.host, port }))
  }

  #readdress(): void {
    for (const pool of this.#pools.values()) {
      for (const server of pool.servers.values()) {
        server.address = this.#names.address(server.row.host)
      }
      pool.refresh()
    }
  }

  #tick(): void {
    this.#timer = this.#parts.clock.after(ms(stepLength), () => {
      this.#step()
      if (this.#timer !== undefined) this.#tick()
    })
  }

  #step(): void {
    const now = this.#parts.clock.now()
    this.#shared.now = now
    this.#shared.exact = now
    this.#shared.date.turn(now)
    this.#lateness.add(Math.max(0, now - this.#lastStep - stepLength))
    this.#shared.deadlines.step(now - this.#lastStep)
    this.#lastStep = now
    const second = Math.floor(this.#shared.deadlines.now / 1000)
    for (const pool of this.#pools.values()) {
      pool.budget.turn(second)
      pool.step()
    }
    if (now - this.#lastWindow >= windowEvery) {
      this.#lastWindow = now
      for (const pool of this.#pools.values()) pool.turnWindow()
    }
    this.#logs?.flush()
    this.#tellSpent()
    this.#maybeReport(now)
    this.#maybeEmpty()
  }

  /** Every second step: what clients near their limits have spent here. */
  #tellSpent(): void {
    this.#tellsSpent = !this.#tellsSpent
    if (!this.#tellsSpent) return
    const { now } = this.#shared.deadlines
    const spent = [...this.#doors.values()].flatMap((door) => door.limits.tell(now))
    if (spent.length > 0) this.#parts.tell({ kind: 'spent', spent })
  }

  /** Clients have spent this at another edge. */
  owe(spent: readonly Spent[]): void {
    for (const door of this.#doors.values()) door.limits.owe(spent, this.#shared.deadlines.now)
  }

  #reportSoon(): void {
    if (this.#reportNow) return
    this.#reportNow = true
    queueMicrotask(() => {
      if (this.#reportNow) this.#tellReport()
    })
  }

  #maybeReport(now: number): void {
    if (now - this.#lastReport < reportEvery) return
    const total = countOf(this.#doors.values())
    if (!this.#changed && total === this.#reportedCount) return
    this.#reportedCount = total
    this.#tellReport()
  }

  #reportedCount = 0
  readonly #lateness = new Histogram()

  #tellReport(): void {
    this.#reportNow = false
    this.#changed = false
    this.#lastReport = this.#shared.now
    this.#parts.tell({ kind: 'report', report: this.report() })
  }

  report(): EdgeReport {
    return reportOf(this.#parts.edge, this.table, this.#everything())
  }

  /** All that was counted since it started. */
  meters(): EdgeMeters {
    return metersOf(this.#everything(), this.#lateness)
  }

  /** Resolves when what was logged is written or given up. */
  async closeLogs(): Promise<void> {
    await this.#logs?.close()
  }

  #everything(): Everything {
    return {
      doors: this.#doors,
      formerDoors: this.#formerDoors,
      pools: this.#pools,
      formerPools: this.#formerPools,
    }
  }

  /**
   * Stops accepting and resolves when nothing is in flight any more, or after `within`. Clients
   * that rest are closed at once, or with `patient` only after their next request.
   */
  leave(within: Milliseconds, patient: boolean): Promise<void> {
    this.#shared.leaving = true
    this.#entrances.close()
    for (const client of this.#clients()) {
      if (!patient || client.isShared === true) client.leave(false)
    }
    return new Promise((resolve) => {
      const timer = this.#parts.clock.after(within, () => {
        for (const client of this.#clients()) client.leave(true)
        this.#whenEmpty?.()
      })
      this.#whenEmpty = () => {
        timer[Symbol.dispose]()
        this.#whenEmpty = undefined
        resolve()
      }
      this.#maybeEmpty()
    })
  }

  #clients(): readonly DoorClient[] {
    return [...this.#doors.values(), ...this.#formerDoors].flatMap((door) => [...door.clients])
  }

  #maybeEmpty(): void {
    for (const door of this.#formerDoors) {
      if (door.clients.size === 0) this.#formerDoors.delete(door)
    }
    for (const pool of this.#formerPools) {
      if (pool.leaving.size === 0) this.#formerPools.delete(pool)
    }
    if (this.#whenEmpty !== undefined && this.#clients().length === 0) this.#whenEmpty()
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#timer = undefined
    this.#names[Symbol.dispose]()
    this.#entrances.close()
    for (const client of this.#clients()) client.leave(true)
    for (const pool of this.#pools.values()) pool.closeIdle()
  }
}
