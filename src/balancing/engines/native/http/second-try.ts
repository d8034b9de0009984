// Is the first byte of this request late, and who else has been asked for it meanwhile?

import type { Chooser } from '../../../policies/choose.ts'
import { sendsMost } from '../../../repeat.ts'
import type { Expiring } from '../edge/deadlines.ts'
import type { Door } from '../edge/door.ts'
import type { Pool } from '../edge/pool.ts'
import type { Server } from '../edge/server.ts'
import type { Shared } from '../edge/shared.ts'
import { Hedge, type Hedged } from './hedge.ts'
import type { AnswerSink } from './parts.ts'
import { isSafe, type Timeline } from './timeline.ts'
import { HttpUpstream } from './upstream.ts'

/** A request that may be tried twice, as its second try sees it. */
export interface TriedRequest extends Hedged {
  readonly chooser: Chooser
  readonly timeline: Timeline
  readonly pool: Pool | undefined
  /** The server of the first try; `undefined` while the request waits for one. */
  readonly server: Server | undefined
  readonly idempotent: boolean
  readonly asksUpgrade: boolean
  readonly bodyKept: boolean
  readonly sends: number
  readonly avoid: readonly Server[] | undefined
}

/** Where the answer goes, and where the second try is counted. */
interface TriedClient extends AnswerSink {
  readonly door: Door
}

/** The deadline for the first byte of one request, and the second try when it passes. */
export class SecondTry implements Expiring {
  readonly #request: TriedRequest
  readonly #client: TriedClient
  readonly #shared: Shared
  #place = -1
  #hedge: Hedge | undefined

  constructor(request: TriedRequest, client: TriedClient, shared: Shared) {
    this.#request = request
    this.#client = client
    this.#shared = shared
  }

  /** Two servers have the request. */
  get isOn(): boolean {
    return this.#hedge !== undefined
  }

  /** Sets the deadline, if another server may be asked then. */
  watch(pool: Pool): void {
    const { hedging } = pool
    const { timeline, idempotent, asksUpgrade } = this.#request
    if (hedging.deadline === Infinity || pool.servers.size < 2 || asksUpgrade) return
    if (!isSafe(timeline.method) && !(hedging.unsafe && idempotent)) return
    const { deadlines } = this.#shared
    if (this.#place < 0) this.#place = deadlines.take(this)
    deadlines.set(this.#place, hedging.deadline)
  }

  /** The request is answered, or nobody wants it any more. */
  over(): void {
    if (this.#place < 0) return
    this.#shared.deadlines.give(this.#place)
    this.#place = -1
    this.take()?.leave()
  }

  /** The first byte has come from the first server. */
  heard(): void {
    const { pool, server, timeline } = this.#request
    if (this.#place < 0 || server === undefined) return
    pool?.hedging.heard(server, timeline.firstByte - timeline.assigned)
  }

  /** No byte of an answer has come in time. */
  expired(): void {
    const { pool, server, timeline, bodyKept, sends } = this.#request
    if (pool === undefined || server === undefined || timeline.firstByte >= 0) return
    this.watch(pool)
    if (!this.#client.requestDone || !bodyKept) return
    pool.hedging.late(this.#hedge?.server ?? server)
    if (this.#hedge === undefined && sends < sendsMost) this.#begin(pool, server)
  }

  #begin(pool: Pool, late: Server): void {
    const { avoid } = this.#request
    const server = pool.pickHedge(this.#request.chooser, [late, ...(avoid ?? [])])
    if (server === undefined) return
    const hedge = new Hedge(pool, server, this.#client, this.#request)
    this.#hedge = hedge
    this.#client.door.hedged += 1
    const only = pool.row.sendProxy === undefined ? undefined : this.#client.connection
    const idle = server.takeIdle(-Infinity, only)
    hedge.link = idle ?? new HttpUpstream(pool, server, server.address as string, hedge)
    idle?.send(hedge)
  }

  /** The first server has shown itself late: it had the request for longer. */
  blameFirst(): void {
    const { pool, server, timeline } = this.#request
    if (pool === undefined || server === undefined) return
    const waited = this.#shared.exact - timeline.assigned
    pool.hedging.heard(server, waited)
    pool.failed(server, 'late', `another answered what it had had for ${Math.round(waited)} ms`)
  }

  /** Gives the second try out of hand: it becomes the only one, or is left. */
  take(): Hedge | undefined {
    const hedge = this.#hedge
    this.#hedge = undefined
    return hedge
  }
}
