// Who is connected, how many may be, and when is what was written for them sent?

import { Sink } from './bytes.ts'
import { Connection, type Host } from './connection.ts'
import type { ServerLimits } from './options.ts'
import type { Stats } from './stats.ts'
import type { Wire } from './transport.ts'
import type { Tree } from './tree.ts'

/** For so many connections answers are gathered before they are sent. */
const gatheredMost = 256
const sinkBytes = 32 * 1024
/** A larger sink is not kept for later. */
const keptSinkBytes = 256 * 1024

/** What the connections of a server work with. */
export interface ClientsOptions {
  readonly limits: ServerLimits
  readonly tree: Tree
  readonly stats: Stats
  /** The time in milliseconds. */
  readonly now: () => number
  readonly frame: Host['frame']
  /** The answer to a four-letter word; `undefined` if it is none. */
  readonly word: (word: number) => string | undefined
  /** A turn begins at this time. */
  readonly turn: (nowMs: number) => void
}

/** The connections of a server. */
export class Clients implements Host {
  readonly frameBytesMost: number
  readonly unsentBytesMost: number
  readonly frame: Host['frame']
  readonly all = new Set<Connection>()
  /** Those without a session, the oldest first. */
  readonly silent = new Set<Connection>()
  /** The connection of each session that has one. */
  readonly attached = new Map<number, Connection>()
  /** Nobody is taken up any more. */
  isClosing = false
  /** How many connections were refused because there were too many. */
  refused = 0
  readonly #options: ClientsOptions
  readonly #perAddress = new Map<string, number>()
  readonly #sinks: Sink[] = []
  readonly #waiting: Connection[] = []

  constructor(options: ClientsOptions) {
    this.#options = options
    this.frameBytesMost = options.limits.frameBytesMost
    this.unsentBytesMost = options.limits.unsentBytesMost
    this.frame = (connection, bytes, from, to) => {
      if (this.isClosing) connection.drop()
      else options.frame(connection, bytes, from, to)
    }
  }

  /** Takes a connection up; `undefined` if there are too many. */
  accept(wire: Wire): Connection | undefined {
    if (this.isClosing) return undefined
    const { connectionsMost, connectionsPerAddressMost } = this.#options.limits
    const here = this.#perAddress.get(wire.address) ?? 0
    if (connectionsPerAddressMost > 0 && here >= connectionsPerAddressMost) {
      this.refused += 1
      return undefined
    }
    if (this.all.size >= connectionsMost) {
      this.refused += 1
      // Whoever says nothing makes room for those who may.
      const oldest = this.silent.values().next().value
      if (oldest === undefined) return undefined
      oldest.drop()
    }
    const connection = new Connection(wire, this, this.#options.now())
    this.all.add(connection)
    this.silent.add(connection)
    this.#perAddress.set(wire.address, (this.#perAddress.get(wire.address) ?? 0) + 1)
    return connection
  }

  beginTurn(): void {
    this.#options.turn(this.#options.now())
  }

  endTurn(): void {
    const waiting = this.#waiting
    for (let index = 0; index < waiting.length; index += 1) waiting[index]?.flush()
    waiting.length = 0
  }

  willSend(connection: Connection): void {
    if (this.#waiting.length >= gatheredMost) this.endTurn()
    this.#waiting.push(connection)
  }

  takeSink(): Sink {
    return this.#sinks.pop() ?? new Sink(sinkBytes)
  }

  giveSink(sink: Sink): void {
    if (this.#sinks.length >= gatheredMost || sink.bytes.length > keptSinkBytes) return
    this.#sinks.push(sink)
  }

  word(connection: Connection, word: number): boolean {
    const answer = this.#options.word(word)
    if (answer === undefined) return false
    connection.packetsIn += 1
    this.#options.stats.packetsIn += 1
    this.silent.delete(connection)
    connection.output().raw(Buffer.from(answer))
    connection.end()
    return true
  }

  over(connection: Connection): void {
    this.all.delete(connection)
    this.silent.delete(connection)
    this.#options.tree.watches.removeAll(connection)
    const { address } = connection.wire
    const left = (this.#perAddress.get(address) ?? 1) - 1
    if (left === 0) this.#perAddress.delete(address)
    else this.#perAddress.set(address, left)
    const { session } = connection
    if (session !== null && this.attached.get(session.id) === connection) {
      this.attached.delete(session.id)
    }
  }

  /** Ends the connections that took too long to say who they are. */
  dropSilent(nowMs: number): void {
    const { handshakeMostMs } = this.#options.limits
    for (const connection of this.silent) {
      if (nowMs - connection.since < handshakeMostMs) return
      connection.drop()
    }
  }

  dropAll(): void {
    for (const connection of [...this.all]) connection.drop()
  }
}
