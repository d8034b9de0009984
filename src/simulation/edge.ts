// One edge of a simulated machine: routes by the last table it heard of, holds while nobody is up.

import type { EdgeReport, Pool, Table, TableServer } from '../balancing/model.ts'
import { type Clock, type Milliseconds, ms } from '../foundation/time.ts'
import type { TrafficSignal } from '../health/model.ts'
import type { Answer, Process, SimulatedMachine } from './machine.ts'
import type { Trace } from './trace.ts'

/** One request of a client, and what became of it. */
export interface ClientRequest {
  readonly id: number
  readonly pool: string
  /** It may be sent again when nothing is known of its fate (RFC 9110 section 9.2.2). */
  readonly idempotent: boolean
  /** How long it takes a server to answer it. */
  readonly takes: Milliseconds
  /** Servers that have begun to work on it. */
  executions: number
  readonly tried: Set<string>
  /** The process that it was on last. */
  process: Process | undefined
  readonly done: (status: number) => void
}

/** What an edge tells whoever listens. */
export interface EdgeListener {
  /** Its counts changed in a way that its agent waits for. */
  report(): void
  signal(signal: TrafficSignal): void
}

interface OnServer {
  readonly request: ClientRequest
  readonly server: TableServer
  readonly process: Process
  readonly answered: (answer: Answer) => void
  readonly deadline: Disposable
}

/** After all servers that are up have been tried, how long until they are tried once more. */
const tryAgainAfter = ms(25)

/** A process of the data path. */
export class SimulatedEdge {
  readonly number: number
  readonly #clock: Clock
  readonly #machine: SimulatedMachine
  readonly #trace: Trace
  readonly #listener: EdgeListener
  readonly #onServers = new Set<OnServer>()
  readonly #held = new Map<ClientRequest, Disposable>()
  #table: Table = { version: 0, frontends: [], pools: [] }
  #turn = 0
  alive = true

  constructor(
    number: number,
    parts: { readonly clock: Clock; readonly machine: SimulatedMachine; readonly trace: Trace },
    listener: EdgeListener,
  ) {
    this.number = number
    this.#clock = parts.clock
    this.#machine = parts.machine
    this.#trace = parts.trace
    this.#listener = listener
  }

  get table(): Table {
    return this.#table
  }

  /** Requests on a server at this moment. */
  activeOn(id: string): number {
    let active = 0
    for (const each of this.#onServers) if (each.server.id === id) active += 1
    return active
  }

  report(): EdgeReport {
    const listed = this.#table.pools.flatMap((pool) => pool.servers.map(({ id }) => id))
    const busy = [...this.#onServers].map(({ server }) => server.id)
    const servers: Record<string, EdgeReport['servers'][string]> = {}
    for (const id of [...listed, ...busy]) {
      const counts = { requests: 0, refused: 0, reset: 0, timedOut: 0, errors: 0 }
      servers[id] ??= { active: this.activeOn(id), ...counts, ejected: undefined }
    }
    return { edge: this.number, table: this.#table.version, servers, frontends: {} }
  }

  /** Takes a table, unless it holds a newer one. */
  take(table: Table): void {
    if (!this.alive || table.version <= this.#table.version) return
    this.#table = table
    for (const each of [...this.#onServers]) {
      const server = this.#server(each.request.pool, each.server.id)
      if (server?.state === 'down' && each.request.idempotent) this.#takeBack(each)
    }
    for (const [request, deadline] of [...this.#held]) {
      if (!this.#isAvailable(request.pool)) continue
      deadline[Symbol.dispose]()
      this.#held.delete(request)
      this.route(request)
    }
    this.#listener.report()
  }

  /** Sends a request to a server that is up, or holds it until there is one. */
  route(request: ClientRequest): void {
    const pool = this.#pool(request.pool)
    if (pool === undefined) {
      request.done(404)
      return
    }
    const up = pool.servers.filter(({ state }) => state === 'up')
    const fresh = up.filter(({ id }) => !request.tried.has(id))
    this.#turn += 1
    const server = fresh[this.#turn % fresh.length]
    if (server !== undefined) this.#send(request, server, pool)
    else if (up.length === 0) this.#hold(request, pool)
    else this.#tryAgain(request, pool)
  }

  /** Ends it, as SIGKILL does: what was on it is lost. */
  kill(): void {
    this.alive = false
    for (const [request, deadline] of this.#held) {
      deadline[Symbol.dispose]()
      request.done(0)
    }
    this.#held.clear()
    for (const each of [...this.#onServers]) {
      this.#forget(each)
      each.request.done(0)
    }
  }

  #tryAgain(request: ClientRequest, pool: Pool): void {
    request.tried.clear()
    this.#hold(request, pool)
    this.#clock.after(tryAgainAfter, () => {
      if (this.#release(request)) this.route(request)
    })
  }

  #send(request: ClientRequest, server: TableServer, pool: Pool): void {
    request.tried.add(server.id)
    const process = this.#machine.listener(server.port)
    if (process === undefined) {
      this.#signal(server, 'refused')
      this.route(request)
      return
    }
    request.executions += 1
    request.process = process
    const answered = (answer: Answer): void => {
      this.#forget(on)
      this.#answered(request, server, answer)
    }
    const deadline = this.#clock.after(pool.responseTimeout, () => {
      this.#takeBack(on, 504)
      this.#signal(server, 'silent')
    })
    const on: OnServer = { request, server, process, answered, deadline }
    this.#onServers.add(on)
    this.#machine.request(process, request.takes, answered)
  }

  #answered(request: ClientRequest, server: TableServer, answer: Answer): void {
    if (answer.kind === 'reset') {
      this.#signal(server, 'reset')
      if (request.idempotent) this.route(request)
      else request.done(502)
    } else {
      if (answer.status >= 500) this.#signal(server, 'server-error')
      request.done(answer.status)
    }
    this.#tellIfIdle(request.pool, server.id)
  }

  /** Gives up what waits on a server: sent elsewhere if it may be repeated, answered if not. */
  #takeBack(on: OnServer, status = 502): void {
    this.#forget(on)
    if (on.request.idempotent) this.route(on.request)
    else on.request.done(status)
    this.#tellIfIdle(on.request.pool, on.server.id)
  }

  #forget(on: OnServer): void {
    on.deadline[Symbol.dispose]()
    this.#machine.giveUp(on.process, on.answered)
    this.#onServers.delete(on)
  }

  #tellIfIdle(pool: string, id: string): void {
    if (this.#server(pool, id)?.state !== 'up' && this.activeOn(id) === 0) this.#listener.report()
  }

  #hold(request: ClientRequest, pool: Pool): void {
    if (this.#held.size >= pool.hold.requests) {
      request.done(503)
      return
    }
    this.#trace.note(`edge-${this.number}`, () => `holds request ${request.id}`)
    const deadline = this.#clock.after(pool.hold.wait, () => {
      this.#held.delete(request)
      request.done(503)
    })
    this.#held.set(request, deadline)
  }

  #release(request: ClientRequest): boolean {
    this.#held.get(request)?.[Symbol.dispose]()
    return this.#held.delete(request)
  }

  #signal(server: TableServer, kind: TrafficSignal['kind']): void {
    this.#listener.signal({ server: server.id, at: this.#clock.now(), kind })
  }

  #pool(name: string): Pool | undefined {
    return this.#table.pools.find((pool) => pool.name === name)
  }

  #server(pool: string, id: string): TableServer | undefined {
    return this.#pool(pool)?.servers.find((server) => server.id === id)
  }

  #isAvailable(pool: string): boolean {
    return this.#pool(pool)?.servers.some(({ state }) => state === 'up') ?? false
  }
}
