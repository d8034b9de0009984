// One server as this edge knows it: its connections, its counts, and whether it may be picked.

import { createHash } from 'node:crypto'
import { instant } from '../../../../foundation/time.ts'
import type { ServerTraffic, TableServer } from '../../../model.ts'
import { type Outcome, type Recent, type Standing, wellSince } from '../../../outliers.ts'
import type { Candidate } from '../../../policies/candidate.ts'
import { hash32 } from '../../../policies/hash.ts'
import type { UpstreamLink } from '../http/parts.ts'
import type { ServerSessions } from '../http2/server-sessions.ts'
import type { Connection } from '../transport/transport.ts'
import { ServerMeter } from './meters.ts'

/** A connection to a server, idle or not. */
export interface ServerLink {
  /** The server has been called down: what still waits for a first byte may go elsewhere. */
  serverDown(): void
  /** The server takes nothing new: what can go on elsewhere goes there. */
  serverDrains?(): void
}

/** How a server fares between two tables; replaced only when its address changes. */
export class Server implements Candidate {
  row: TableServer
  /** Where to connect to; `undefined` while its name has not been resolved. */
  address: string | undefined
  /** It stands in no table any more and ends with its last request. */
  removed = false
  standing: Standing = wellSince(instant(0))
  active = 0
  turn = 0
  readonly seed: number
  #token: string | undefined
  /** When a table first said that it is up after it was not, in milliseconds lived. */
  upSince = -Infinity
  /** The share of its weight that it takes while it is new. */
  slowShare = 1
  requests = 0
  refused = 0
  reset = 0
  timedOut = 0
  errors = 0
  late = 0
  /** 0 while its answers come in time, 1 when none does: see `balancing/hedge.ts`. */
  lateness = 0
  /** Milliseconds lived when it began to drain; Infinity while it does not. */
  drainsSince = Infinity
  /** Milliseconds lived when it last said anything, and when it last became busy. */
  heardAt = 0
  busySince = 0
  /** Connections that may be used again, the last used at the end. */
  readonly idle: UpstreamLink[] = []
  readonly links = new Set<ServerLink>()
  /** The connections that its requests share, where it speaks HTTP/2. */
  sessions: ServerSessions | undefined
  readonly meter = new ServerMeter()
  #ok = 0
  #bad = 0
  #streak = 0
  #lastIsLate = false
  /** What the counts were at the last two turns of the window. */
  #before = { ok: 0, bad: 0 }
  #last = { ok: 0, bad: 0 }

  constructor(row: TableServer) {
    this.row = row
    this.seed = hash32(row.id)
  }

  /** What a sticky cookie calls it: the same in every edge and after a restart, and no address. */
  tokenIn(pool: string): string {
    this.#token ??= createHash('sha256').update(`${pool}/${this.row.id}`).digest('base64url')
    return this.#token.slice(0, 12)
  }

  get weight(): number {
    return this.row.weight * this.slowShare
  }

  /** Takes new requests, as far as the table and its address are concerned. */
  get isOffered(): boolean {
    return (
      !this.removed && this.row.state === 'up' && this.row.weight > 0 && this.address !== undefined
    )
  }

  /** Somebody waits for it to run empty. */
  get isAwaited(): boolean {
    return this.row.state !== 'up' || this.removed || this.row.maxConnections === 0
  }

  /** A request was answered below 500. */
  succeeded(): void {
    this.#ok += 1
    this.#streak = 0
  }

  /** A request met something else. */
  failed(outcome: Outcome): void {
    if (outcome === 'refused') this.refused += 1
    else if (outcome === 'reset') this.reset += 1
    else if (outcome === 'silent') this.timedOut += 1
    else if (outcome === 'late') this.late += 1
    else this.errors += 1
    this.#lastIsLate = outcome === 'late'
    this.#bad += 1
    this.#streak += 1
  }

  /** The same request failed on a sibling too: it is the request, not the server. */
  forgive(): void {
    this.#bad = Math.max(this.#last.bad, this.#bad - 1)
    this.#streak = Math.max(0, this.#streak - 1)
  }

  get recent(): Recent {
    return {
      ok: this.#ok - this.#before.ok,
      bad: this.#bad - this.#before.bad,
      streak: this.#streak,
      late: this.#lastIsLate,
    }
  }

  /** Forgets what is older than the last turn but one. */
  turnWindow(): void {
    this.#before = this.#last
    this.#last = { ok: this.#ok, bad: this.#bad }
  }

  /** Another process answers there: what was known of the last one is void. */
  renew(standing: Standing): void {
    this.standing = standing
    this.lateness = 0
    this.#streak = 0
    this.#last = { ok: this.#ok, bad: this.#bad }
    this.#before = this.#last
  }

  /**
   * The connection that was used last, if that was not before `since` (milliseconds lived). Where
   * servers are told who the client is, a connection carries one client `only`.
   */
  takeIdle(since: number, only: Connection | undefined): UpstreamLink | undefined {
    const { idle } = this
    let place = idle.length - 1
    while (place >= 0 && idle[place]?.only !== only) place -= 1
    const last = idle[place]
    if (last === undefined || last.idleSince < since) return undefined
    return place === idle.length - 1 ? idle.pop() : idle.splice(place, 1)[0]
  }

  closeIdle(): void {
    for (const link of this.idle.splice(0)) link.close()
    this.sessions?.close()
  }

  report(): ServerTraffic {
    const { standing } = this
    return {
      active: this.active,
      ...(this.row.maxConnections === undefined ? {} : { limit: this.row.maxConnections }),
      requests: this.requests,
      refused: this.refused,
      reset: this.reset,
      timedOut: this.timedOut,
      errors: this.errors,
      late: this.late,
      ejected: standing.kind === 'well' ? undefined : { until: standing.until, why: standing.why },
    }
  }
}
