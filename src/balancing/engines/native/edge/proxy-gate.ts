// A connection from a proxy before us begins with who the client is: read that first.

import { readProxyHeader } from '../../../../wire/proxy/proxy-header.ts'
import type { Connection, ConnectionOwner } from '../transport/transport.ts'
import type { Expiring } from './deadlines.ts'
import type { Door, DoorClient } from './door.ts'
import type { Shared } from './shared.ts'

/** Milliseconds between two refusals that are told of. */
const tellEvery = 1000

/**
 * Waits for a PROXY header, and then gives the connection, which knows its client by then, to whom
 * `admit` names, with the bytes that came after the header. What is no header, is one that cannot
 * be believed, or takes longer than a head may, is reset: nobody there would understand an answer.
 */
export class ProxyGate implements ConnectionOwner, Expiring, DoorClient {
  readonly isBusy = false
  readonly #connection: Connection
  readonly #door: Door
  readonly #shared: Shared
  readonly #admit: (connection: Connection) => ConnectionOwner
  readonly #place: number
  #stash: Buffer | undefined
  #isOver = false

  constructor(
    connection: Connection,
    door: Door,
    shared: Shared,
    admit: (connection: Connection) => ConnectionOwner,
  ) {
    this.#connection = connection
    this.#door = door
    this.#shared = shared
    this.#admit = admit
    this.#place = shared.deadlines.take(this)
    shared.deadlines.set(this.#place, door.row.headTimeout)
    door.connections += 1
    door.clients.add(this)
  }

  received(bytes: Buffer, end: number): void {
    const came = bytes.subarray(0, end)
    const all = this.#stash === undefined ? came : Buffer.concat([this.#stash, came])
    const header = readProxyHeader(all, all.length)
    if (header.kind === 'incomplete') {
      this.#stash = Buffer.from(all)
      return
    }
    if (header.kind === 'bad') return this.#refuse(header.why)
    const connection = this.#connection
    this.#leave()
    if (header.ends !== undefined) connection.claim(header.ends)
    connection.owner = this.#admit(connection)
    const rest = all.subarray(header.end)
    if (rest.length > 0) connection.owner.received(rest, rest.length)
  }

  #refuse(why: string): void {
    const { peer } = this.#connection
    const { now } = this.#shared.deadlines
    const isNews = now - this.#door.proxyRefusedAt >= tellEvery
    if (isNews) this.#door.proxyRefusedAt = now
    if (isNews) this.#shared.event('proxy-header-refused', this.#door.row.name, why, { peer })
    this.#close()
  }

  #close(): void {
    if (this.#isOver) return
    this.#leave()
    this.#door.count(0)
    this.#connection.reset()
  }

  #leave(): void {
    this.#isOver = true
    this.#stash = undefined
    this.#shared.deadlines.give(this.#place)
    this.#door.connections -= 1
    this.#door.clients.delete(this)
  }

  leave(now: boolean): void {
    if (now || this.#stash === undefined) this.#close()
  }

  expired(): void {
    this.#close()
  }

  ended(): void {
    this.#close()
  }

  failed(): void {
    if (!this.#isOver) this.#leave()
  }

  unwritable(): void {
    this.#close()
  }

  connected(): void {}
  drained(): void {}
}
