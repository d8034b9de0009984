// Servers that agree: one order of all transactions, which each server learns a little later; the
// sessions, and when they expire. No promise and no socket in here.

import { ZooKeeperError } from '../../coordination/client/errors.ts'
import type { CoordinationNode, NodeChange } from '../../coordination/model.ts'
import { type Clock, type Instant, instant, type Milliseconds, ms } from '../../foundation/time.ts'
import type { Ask, ServerSays, Value } from './protocol.ts'
import { type Applied, Tree, type TreeEvent } from './tree.ts'

/** What an ensemble is made of. */
export interface EnsembleOptions {
  readonly clock: Clock
  /** From one server to another. */
  readonly delay: () => Milliseconds
  readonly servers: number
  /** Sees every write that was accepted, in order. */
  readonly accepted?: (changes: readonly NodeChange[], session: bigint, at: Instant) => void
}

/** A session as the servers know it. */
interface Session {
  readonly id: bigint
  readonly timeout: Milliseconds
  heard: Instant
  connection: Attached | undefined
  over: boolean
}

/** What a connection hears of its server. */
export interface Ears {
  event(path: string, deep: boolean): void
  /** The session is over, or another connection has it now. */
  ended(): void
}

/** The servers together. */
export class Ensemble {
  readonly #options: EnsembleOptions
  readonly #sessions = new Map<bigint, Session>()
  readonly #servers: readonly Server[]
  /** What the leader of the ensemble has committed. */
  readonly #tree = new Tree()
  #zxid = 0n
  #lastSession = 0n
  #available = true

  constructor(options: EnsembleOptions) {
    this.#options = options
    // One alone is its own leader: it knows at once what was committed.
    this.#servers = Array.from(
      { length: options.servers },
      () => new Server(options, options.servers === 1 ? this.#tree : new Tree()),
    )
  }

  get count(): number {
    return this.#servers.length
  }

  /** Whether there is a majority; without one every connection ends, and none is taken. */
  set available(is: boolean) {
    if (this.#available === is) return
    this.#available = is
    for (const session of this.#sessions.values()) {
      if (is) this.#touch(session)
      else session.connection?.end()
    }
  }

  /** What is committed, for whoever looks from outside. */
  read(path: string): CoordinationNode | undefined {
    return this.#tree.read(path)
  }

  /**
   * Begins or resumes a session on a server; undefined if that server is behind what the session
   * has seen, or there is no majority; `expired` if the session is over.
   */
  attach(
    at: number,
    wish: { readonly session: bigint; readonly timeout: Milliseconds; readonly seen: bigint },
    ears: Ears,
  ): Attached | 'expired' | undefined {
    const server = this.#servers[at]
    if (!this.#available || server === undefined || server.zxid < wish.seen) return undefined
    const session = wish.session === 0n ? this.#begin(wish.timeout) : this.#resume(wish.session)
    if (session === undefined) return 'expired'
    session.connection?.end()
    const attached = new Attached(this, server, session, ears)
    session.connection = attached
    server.join(attached)
    return attached
  }

  #begin(timeout: Milliseconds): Session {
    this.#lastSession += 1n
    const heard = this.#options.clock.now()
    const id = this.#lastSession
    const session = { id, timeout, heard, connection: undefined, over: false }
    this.#sessions.set(id, session)
    this.#expireLater(session)
    return session
  }

  #resume(id: bigint): Session | undefined {
    const session = this.#sessions.get(id)
    if (session !== undefined) this.#touch(session)
    return session
  }

  #touch(session: Session): void {
    session.heard = this.#options.clock.now()
  }

  #expireLater(session: Session): void {
    const { clock } = this.#options
    const left = session.heard + session.timeout - clock.now()
    clock.after(ms(Math.max(0, left)), () => {
      if (session.over) return
      const due = session.heard + session.timeout <= clock.now()
      if (due && this.#available) this.#end(session)
      else if (due) {
        // Without a leader nobody expires; the next one begins to count anew.
        this.#touch(session)
        this.#expireLater(session)
      } else this.#expireLater(session)
    })
  }

  #end(session: Session): void {
    if (session.over) return
    session.over = true
    this.#sessions.delete(session.id)
    const gone = this.#tree.ownedBy(session.id).map((path) => ({ kind: 'delete', path }) as const)
    this.#commit(gone, session.id)
    session.connection?.end()
  }

  /** Asked by a connection: `says` is called when its own server knows the outcome. */
  ask(from: Attached, session: Session, server: Server, ask: Ask, says: ServerSays): void {
    this.#touch(session)
    if (ask.kind === 'ping') return says.answer(undefined)
    if (ask.kind !== 'write' && ask.kind !== 'sync' && ask.kind !== 'close') return
    this.#toLeader(() => {
      // Whoever has moved to another connection since is no longer heard on this one.
      if (session.over || session.connection !== from) return
      if (!this.#available) return from.end()
      if (ask.kind === 'close') this.#end(session)
      let applied: Applied | ZooKeeperError | undefined
      if (ask.kind === 'write') applied = this.#write(ask.changes, session.id)
      server.after(this.#zxid, () => {
        if (applied instanceof ZooKeeperError) says.refuse(applied)
        else says.answer(applied?.paths)
      })
    })
  }

  #toLeader(then: () => void): void {
    if (this.#servers.length === 1) then()
    else this.#options.clock.after(this.#options.delay(), then)
  }

  #write(changes: readonly NodeChange[], session: bigint): Applied | ZooKeeperError {
    try {
      const applied = this.#commit(changes, session)
      this.#options.accepted?.(changes, session, this.#options.clock.now())
      return applied
    } catch (thrown) {
      if (thrown instanceof ZooKeeperError) return thrown
      throw thrown
    }
  }

  #commit(changes: readonly NodeChange[], session: bigint): Applied {
    const author = { session, zxid: this.#zxid + 1n }
    const applied = this.#tree.apply(changes, author)
    this.#zxid = author.zxid
    for (const server of this.#servers) {
      if (this.#servers.length === 1) server.learned(author.zxid, applied.events)
      else server.learns(changes, author, this.#options.delay())
    }
    return applied
  }
}

/** One server: what it has learned so far, and who is connected to it. */
class Server {
  readonly #options: EnsembleOptions
  readonly #connections = new Set<Attached>()
  readonly #waiting: { readonly zxid: bigint; readonly then: () => void }[] = []
  /** Transactions under way to this server, in their order. */
  readonly #coming: (() => void)[] = []
  readonly tree: Tree
  zxid = 0n
  #last: Instant = instant(0)

  constructor(options: EnsembleOptions, tree: Tree) {
    this.#options = options
    this.tree = tree
  }

  join(connection: Attached): void {
    this.#connections.add(connection)
  }

  leave(connection: Attached): void {
    this.#connections.delete(connection)
  }

  /** Calls `then` once this transaction is known here, in the order of asking. */
  after(zxid: bigint, then: () => void): void {
    if (this.zxid >= zxid && this.#waiting.length === 0) then()
    else this.#waiting.push({ zxid, then })
  }

  learns(
    changes: readonly NodeChange[],
    author: { readonly session: bigint; readonly zxid: bigint },
    delay: Milliseconds,
  ): void {
    const { clock } = this.#options
    this.#last = instant(Math.max(this.#last, clock.now() + delay))
    this.#coming.push(() => {
      const { events } = this.tree.apply(changes, author)
      this.learned(author.zxid, events)
    })
    const wait = Math.max(0, this.#last - clock.now())
    clock.after(ms(wait), () => this.#coming.shift()?.())
  }

  learned(zxid: bigint, events: readonly TreeEvent[]): void {
    this.zxid = zxid
    for (const connection of this.#connections) {
      for (const event of events) connection.hears(event)
    }
    while (this.#waiting[0] !== undefined && this.#waiting[0].zxid <= this.zxid) {
      this.#waiting.shift()?.then()
    }
  }
}

/** One connection of a session, on the server's side. */
export class Attached {
  readonly #ensemble: Ensemble
  readonly #server: Server
  readonly #session: Session
  readonly #ears: Ears
  readonly #watches = new Set<string>()
  /** What was asked and is not answered yet: answers keep the order of asking. */
  readonly #queue: Ask[] = []
  #ended = false

  constructor(ensemble: Ensemble, server: Server, session: Session, ears: Ears) {
    this.#ensemble = ensemble
    this.#server = server
    this.#session = session
    this.#ears = ears
  }

  get session(): bigint {
    return this.#session.id
  }

  /** The newest transaction that this server knows: no answer is older. */
  get seen(): bigint {
    return this.#server.zxid
  }

  /** Asks; reads wait for what this session asked before them. */
  ask(ask: Ask, says: ServerSays): void {
    if (this.#ended) return
    const next = (): void => {
      this.#queue.shift()
      const begin = this.#begins.shift()
      begin?.()
    }
    const begin = (): void => {
      if (this.#ended) return
      if (ask.kind === 'write' || ask.kind === 'sync' || ask.kind === 'close') {
        const answer = (value: Value): void => {
          says.answer(value)
          next()
        }
        const refuse = (error: Error): void => {
          says.refuse(error)
          next()
        }
        this.#ensemble.ask(this, this.#session, this.#server, ask, { answer, refuse })
        return
      }
      this.#ensemble.ask(this, this.#session, this.#server, ask, says)
      if (ask.kind !== 'ping') says.answer(this.#look(ask))
      next()
    }
    this.#queue.push(ask)
    if (this.#queue.length === 1) begin()
    else this.#begins.push(begin)
  }

  readonly #begins: (() => void)[] = []

  #look(ask: Exclude<Ask, { kind: 'write' | 'sync' | 'close' | 'ping' }>): Value {
    switch (ask.kind) {
      case 'read':
        return this.#server.tree.read(ask.path)
      case 'list':
        return this.#server.tree.list(ask.path)
      case 'watch':
        this.#watches.add(keyOf(ask))
        return undefined
      case 'unwatch':
        this.#watches.delete(keyOf(ask))
        return undefined
    }
  }

  /** An event of the tree: told once for each watch that it concerns. */
  hears({ path, kind }: TreeEvent): void {
    if (this.#watches.has(keyOf({ path, deep: false }))) this.#ears.event(path, false)
    if (kind === 'children') return
    for (let at = path; ; at = at.slice(0, at.lastIndexOf('/')) || '/') {
      if (this.#watches.has(keyOf({ path: at, deep: true }))) {
        this.#ears.event(path, true)
        return
      }
      if (at === '/') return
    }
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.#server.leave(this)
    if (this.#session.connection === this) this.#session.connection = undefined
    this.#ears.ended()
  }
}

const keyOf = ({ path, deep }: { readonly path: string; readonly deep: boolean }): string =>
  deep ? `${path}**` : path
