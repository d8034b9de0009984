// What is counted of one session: bytes, waits, and how it ended.

import type { Door } from '../edge/door.ts'
import { Account } from '../edge/meters.ts'
import type { Pool } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import type { Shared } from '../edge/shared.ts'
import { type Ending, Timeline } from '../http/timeline.ts'
import type { Connection } from '../transport/transport.ts'

/** Of one client's connection, from its beginning to its end. */
export class SessionLedger {
  readonly #door: Door
  readonly #shared: Shared
  readonly #timeline = new Timeline()
  readonly #account: Account
  readonly #client: Pick<Connection, 'peer' | 'secure' | 'alpnProtocol'>
  #isHeld = false
  /** A server has taken it, once at least. */
  hasPassed = false

  constructor(connection: Connection, door: Door, shared: Shared) {
    this.#door = door
    this.#shared = shared
    shared.tick()
    this.#timeline.begin(shared.exact)
    this.#account = new Account(door.meter)
    const { peer, secure, alpnProtocol } = connection
    this.#client = { peer, secure, alpnProtocol }
    door.connections += 1
    door.requests += 1
  }

  set ending(ending: Ending) {
    this.#timeline.ending = ending
  }

  held(byDark: boolean): void {
    if (this.#isHeld) return
    this.#isHeld = true
    this.#timeline.hold(this.#shared.exact, !byDark)
    this.#door.held += 1
    this.#door.heldTotal += 1
    this.#shared.changed()
  }

  unheld(): void {
    if (!this.#isHeld) return
    this.#isHeld = false
    this.#timeline.release(this.#shared.exact)
    this.#door.held -= 1
  }

  assigned(server: Server): void {
    this.#timeline.assign(server.row.id, this.#shared.exact)
  }

  connected(server: Server): void {
    this.#shared.tick()
    this.#timeline.send(this.#shared.exact)
    server.meter.sent(this.#timeline.connect)
  }

  up(count: number, server: Server | undefined): void {
    this.#door.bytesIn += count
    this.#timeline.bytesIn += count
    server?.meter.carried(count, 0)
  }

  down(count: number, server: Server | undefined): void {
    this.#door.bytesOut += count
    this.#timeline.bytesOut += count
    server?.meter.carried(0, count)
    if (this.#timeline.firstByte >= 0) return
    this.#shared.tick()
    this.#timeline.firstByte = this.#shared.exact
  }

  closed(pool: Pool | undefined, server: Server | undefined): void {
    this.unheld()
    const timeline = this.#timeline
    this.#shared.tick()
    timeline.ended = this.#shared.exact
    if (timeline.ending === 'done') timeline.ending = this.hasPassed ? 'tunnel' : 'client-gone'
    this.#account.closeConnection(timeline, pool, server?.meter)
    this.#door.log?.request(this.#client, timeline, '', pool)
    this.#door.connections -= 1
    if (!this.hasPassed) this.#door.count(0)
  }
}
