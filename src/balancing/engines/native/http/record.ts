// Who is told of a request, while it waits and when it ends? The counts of its edge and its door,
// and the access log.

import type { Door } from '../edge/door.ts'
import type { Places } from '../edge/door-places.ts'
import { Account } from '../edge/meters.ts'
import type { Pool } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import type { Shared } from '../edge/shared.ts'
import type { Connection } from '../transport/transport.ts'
import { type Ending, Timeline } from './timeline.ts'

/** Whose requests are told of. */
export interface RecordedClient {
  readonly door: Door
  readonly connection: Connection
}

/** The times of the present request of one client, and what becomes of them. */
export class RequestRecord {
  readonly timeline = new Timeline()
  isHeld = false
  /** What it takes of its client's places. */
  places: Places | undefined
  readonly #client: RecordedClient
  readonly #shared: Shared
  readonly #account: Account

  constructor(client: RecordedClient, shared: Shared) {
    this.#client = client
    this.#shared = shared
    this.#account = new Account(client.door.meter)
  }

  /** It waits at the pool from now on. */
  hold(pool: Pool | undefined): void {
    const { door } = this.#client
    this.isHeld = true
    this.timeline.hold(this.#shared.exact, pool?.isDark === false)
    door.held += 1
    door.heldTotal += 1
    this.#shared.changed()
  }

  /** It waits no longer, if it did. */
  release(): void {
    if (!this.isHeld) return
    this.isHeld = false
    this.timeline.release(this.#shared.exact)
    this.#client.door.held -= 1
  }

  /** It has ended, as is said or has been noted before; `start` is its head. */
  end(start: string, pool: Pool | undefined, server: Server | undefined, ending?: Ending): void {
    if (ending !== undefined && this.timeline.ending === 'done') this.timeline.ending = ending
    // It may end while it waits: its place is given up after that.
    if (this.isHeld) this.timeline.release(this.#shared.exact)
    this.#count(pool, server)
    this.#leavePlaces()
    this.#client.door.log?.request(this.#client.connection, this.timeline, start, pool)
  }

  /** Both connections are one tunnel from now on: it is counted here, and logged when it ends. */
  becomeTunnel(pool: Pool | undefined, server: Server | undefined): void {
    this.timeline.status = 101
    this.#count(pool, server)
    this.timeline.ending = 'tunnel'
  }

  tunnelOver(start: string, pool: Pool | undefined): void {
    this.timeline.ended = this.#shared.exact
    this.#leavePlaces()
    this.#client.door.log?.request(this.#client.connection, this.timeline, start, pool)
  }

  #leavePlaces(): void {
    if (this.places === undefined) return
    this.places.leave()
    this.places = undefined
  }

  #count(pool: Pool | undefined, server: Server | undefined): void {
    this.timeline.ended = this.#shared.exact
    this.#account.close(this.timeline, pool, server?.meter)
  }
}
