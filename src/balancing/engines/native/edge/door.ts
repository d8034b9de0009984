// One frontend as this edge serves it: its routes, its connections, and what went through.

import { Networks } from '../../../../foundation/addresses.ts'
import type { FrontendTraffic, TableFrontend } from '../../../model.ts'
import type { Asked } from '../../../routing/asked.ts'
import { OwnAnswers } from '../http/own-answers.ts'
import type { Telling } from '../http/telling.ts'
import type { AccessLog } from './access-log.ts'
import { Closed } from './closed.ts'
import { DoorLimits } from './door-limits.ts'
import { DoorPlaces } from './door-places.ts'
import { DoorMeter } from './meters.ts'
import type { Pool } from './pool.ts'
import { type Route, routesOf } from './route.ts'
import { findRoute, hostName, onlyRoute, pathOf } from './routing.ts'

/** A client connection of a door. */
export interface DoorClient {
  /** The edge is about to leave: nothing new after what is in flight. With `now`, not even that. */
  leave(now: boolean): void
  /** It carries many requests at once: it leaves by telling so, and ends with the last of them. */
  readonly isShared?: boolean
  /** Whether it carries a request, or bytes, at this moment. */
  readonly isBusy: boolean
}

export class Door {
  row: TableFrontend
  #routes: readonly Route[] = []
  /** The route of every request, when there is only one that all take. */
  only: Route | undefined
  answers: OwnAnswers
  readonly clients = new Set<DoorClient>()
  /** It stands in no table any more: each answer is the last on its connection. */
  former = false
  /** Set while it serves nobody, or only some. */
  closed: Closed | undefined
  readonly limits = new DoorLimits()
  readonly places = new DoorPlaces()
  /** Whose connections begin with a PROXY header. */
  proxies: Networks | undefined
  /** When a PROXY header was last refused, to tell it once a second. */
  proxyRefusedAt = -Infinity
  /** What an authority is answered that asks whether a name is ours, by token. */
  challenges: ReadonlyMap<string, string> = new Map()
  connections = 0
  requests = 0
  readonly answered = [0, 0, 0, 0, 0, 0]
  held = 0
  heldTotal = 0
  redispatched = 0
  hedged = 0
  /** Of TLS: those that succeeded, those of them that took up a session again, the others. */
  readonly handshakes = { done: 0, resumed: 0, failed: 0 }
  bytesIn = 0
  bytesOut = 0
  readonly meter = new DoorMeter()
  log: AccessLog | undefined
  telling: Telling | undefined

  constructor(row: TableFrontend) {
    this.row = row
    this.answers = new OwnAnswers(row.errorPages)
  }

  /** Serves by this row from now on; connections stay as they are. */
  update(row: TableFrontend, pools: ReadonlyMap<string, Pool>): void {
    this.row = row
    this.answers = new OwnAnswers(row.errorPages)
    this.#routes = row.routes.flatMap((rule) => routesOf(rule, pools))
    this.only = onlyRoute(this.#routes)
    this.closed = row.maintenance && new Closed(row.maintenance)
    this.limits.update(row.limits ?? [])
    this.places.update(row.concurrency ?? [])
    this.proxies = row.acceptProxy && new Networks(row.acceptProxy)
  }

  /** Whether there may be requests that are answered here, whatever the routes say. */
  get answersItself(): boolean {
    return this.challenges.size > 0 || this.row.redirect !== undefined
  }

  route(authority: string, target: string, asked: Asked): Route | undefined {
    return findRoute(this.#routes, hostName(authority), pathOf(target), asked)
  }

  /** Counts an answer; 0 is a request that got none. */
  count(status: number): void {
    const digit = Math.floor(status / 100)
    this.answered[digit] = (this.answered[digit] ?? 0) + 1
  }

  report(): FrontendTraffic {
    return {
      connections: this.connections,
      requests: this.requests,
      answers: [...this.answered],
      held: this.held,
      heldTotal: this.heldTotal,
      redispatched: this.redispatched,
      hedged: this.hedged,
      bytesIn: this.bytesIn,
      bytesOut: this.bytesOut,
    }
  }
}
