// How much, how often, how long? What a request leaves behind in the counts of its edge when it
// ends: a few additions, no allocation.

import { Histogram } from '../../../../control/histogram.ts'
import type {
  FrontendMeters,
  RequestSeries,
  ServerMeters,
  ServiceMeters,
} from '../../../meters/model.ts'
import { type Ending, methods, type Timeline } from '../http/timeline.ts'

/** Series of one door and one service; what comes beyond counts as method and status unknown. */
const seriesMost = 64
const statusesMost = 1000
const unknown = (methods.length - 1) * statusesMost

/** Requests of one door for one service. */
export class RequestMeter {
  readonly service: string
  readonly #series = new Map<number, Histogram>()
  #lastKey = -1
  #last = new Histogram()

  constructor(service: string) {
    this.service = service
  }

  add({ method, status, total }: Timeline): void {
    const key = method * statusesMost + status
    if (key !== this.#lastKey) this.#find(key)
    this.#last.add(total)
  }

  #find(wanted: number): void {
    const full = this.#series.size >= seriesMost && !this.#series.has(wanted)
    const key = full ? unknown : wanted
    let series = this.#series.get(key)
    if (series === undefined) {
      series = new Histogram()
      this.#series.set(key, series)
    }
    this.#lastKey = wanted
    this.#last = series
  }

  report(frontend: string): readonly RequestSeries[] {
    return [...this.#series].map(([key, histogram]) => ({
      frontend,
      service: this.service,
      method: methods[Math.floor(key / statusesMost)] as string,
      status: key % statusesMost,
      time: histogram.spread,
    }))
  }
}

/** One door. */
export class DoorMeter {
  accepted = 0
  turnedAway = 0
  logged = 0
  logLost = 0
  readonly #endings = new Map<Ending, number>()
  #done = 0
  readonly #requests = new Map<string, RequestMeter>()

  /** The counts for one service; `''` for requests that lead to none. */
  requestsFor(service: string): RequestMeter {
    const known = this.#requests.get(service)
    if (known !== undefined) return known
    const meter = new RequestMeter(service)
    this.#requests.set(service, meter)
    return meter
  }

  ended(ending: Ending): void {
    if (ending === 'done') this.#done += 1
    else this.#endings.set(ending, (this.#endings.get(ending) ?? 0) + 1)
  }

  series(frontend: string): readonly RequestSeries[] {
    return [...this.#requests.values()].flatMap((meter) => meter.report(frontend))
  }

  /** What only this meter knows; the rest is the door's. */
  report(): Pick<FrontendMeters, 'accepted' | 'turnedAway' | 'endings' | 'logged' | 'logLost'> {
    return {
      accepted: this.accepted,
      turnedAway: this.turnedAway,
      endings: { done: this.#done, ...Object.fromEntries(this.#endings) },
      logged: this.logged,
      logLost: this.logLost,
    }
  }
}

/** One service. */
export class PoolMeter {
  readonly held = new Histogram()
  overBudget = 0
  ejections = 0

  report(): ServiceMeters {
    return { held: this.held.spread, overBudget: this.overBudget, ejections: this.ejections }
  }
}

type Outcomes = 'refused' | 'reset' | 'timedOut' | 'errors'

/** One server. */
export class ServerMeter {
  readonly #answers = [0, 0, 0, 0, 0, 0]
  #bytesIn = 0
  #bytesOut = 0
  redispatched = 0
  #clientAborts = 0
  #reused = 0
  readonly #connect = new Histogram()
  readonly #firstByte = new Histogram()
  readonly #time = new Histogram()

  /** A request ended on it. */
  add(timeline: Timeline): void {
    const { status, sent } = timeline
    const digit = status < 100 ? 0 : Math.floor(status / 100)
    this.#answers[digit] = (this.#answers[digit] ?? 0) + 1
    this.#bytesIn += timeline.bytesIn
    this.#bytesOut += timeline.bytesOut
    if (timeline.ending === 'client-gone') this.#clientAborts += 1
    if (timeline.firstByte >= 0) {
      this.#firstByte.add(timeline.firstByte - sent)
      this.#time.add(timeline.ended - sent)
    }
  }

  /** A connection in TCP mode ended on it; its bytes were counted as they came. */
  addConnection({ ending, firstByte, sent, ended }: Timeline): void {
    if (ending === 'client-gone') this.#clientAborts += 1
    if (firstByte < 0) return
    this.#firstByte.add(firstByte - sent)
    this.#time.add(ended - sent)
  }

  /** A request was sent, after connecting for so long; 0 over a connection that rested. */
  sent(connect: number): void {
    if (connect > 0) this.#connect.add(connect)
    else this.#reused += 1
  }

  /** Bytes of what had been a request, or of a connection in TCP mode. */
  carried(bytesIn: number, bytesOut: number): void {
    this.#bytesIn += bytesIn
    this.#bytesOut += bytesOut
  }

  /** What only this meter knows; the rest is the server's. */
  report(): Omit<ServerMeters, 'service' | 'requests' | Outcomes> {
    return {
      answers: [...this.#answers],
      bytesIn: this.#bytesIn,
      bytesOut: this.#bytesOut,
      redispatched: this.redispatched,
      clientAborts: this.#clientAborts,
      reused: this.#reused,
      connect: this.#connect.spread,
      firstByte: this.#firstByte.spread,
      time: this.#time.spread,
    }
  }
}

/** Where the requests of one client connection, one after the other, are counted. */
export class Account {
  readonly #door: DoorMeter
  /** For the service that the last one went to: mostly the next one goes there too. */
  #requests: RequestMeter | undefined

  constructor(door: DoorMeter) {
    this.#door = door
  }

  /** A request has ended, on `server` if that answered. */
  close(timeline: Timeline, pool: CountedPool | undefined, server: ServerMeter | undefined): void {
    this.#door.ended(timeline.ending)
    const service = pool?.row.name ?? ''
    if (this.#requests?.service !== service) this.#requests = this.#door.requestsFor(service)
    this.#requests.add(timeline)
    if (timeline.held > 0) pool?.meter.held.add(timeline.held)
    server?.add(timeline)
  }

  /** The same for a connection in TCP mode: it has neither method nor status. */
  closeConnection(
    timeline: Timeline,
    pool: CountedPool | undefined,
    server: ServerMeter | undefined,
  ): void {
    this.#door.ended(timeline.ending)
    if (timeline.held > 0) pool?.meter.held.add(timeline.held)
    server?.addConnection(timeline)
  }
}

/** A service as its requests are counted. */
export interface CountedPool {
  readonly row: { readonly name: string }
  readonly meter: PoolMeter
}
