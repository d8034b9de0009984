// Who watches what goes on: takes the edges' counts, looks once a second, and has at hand what
// metrics, statistics and pages are made of.

import { hostname } from 'node:os'
import type { EdgeMeters } from '../balancing/meters/model.ts'
import { type Clock, type Instant, ms, since } from '../foundation/time.ts'
import { Ledger, noTotals, type Totals } from '../telemetry/ledger.ts'
import type { Peak, Scene } from '../telemetry/model.ts'
import { recentTimes } from '../telemetry/sums.ts'
import type { OpenJournal } from './journal.ts'
import type { RecentAnswers } from './model.ts'
import { type Counted, peaksAfter } from './scene.ts'

/** Between two looks; and how far back rates and present quantiles reach. */
const lookEvery = ms(1000)
const looksKept = 10
/** While nothing is shown, one tick in so many looks at the scene: to forget who has gone. */
const unshownEach = 60
/** Rules are known words: this many kinds of events are more than there are. */
const eventsMost = 500

export interface Telemetry extends Disposable {
  /** What one edge has counted since it started. */
  hear(edge: string, meters: EdgeMeters): void
  /**
   * From now on it looks at the scene that `look` makes of what was counted. Of thousands of
   * servers that costs as much as their checks: while nothing `isShown`, it looks once in a while.
   */
  watch(look: (counted: Counted) => Scene, isShown: () => boolean): void
  /** How a service answered in the last seconds; `undefined` if nobody asked it for anything. */
  recent(service: string): RecentAnswers | undefined
  /** How it is now; `undefined` before `watch`. */
  scene(): Scene | undefined
}

interface Look {
  readonly at: Instant
  readonly totals: Totals
}

export function openTelemetry(parts: {
  readonly clock: Clock
  readonly journal: Pick<OpenJournal, 'follow'>
}): Telemetry {
  return new Watcher(parts.clock, parts.journal)
}

class Watcher implements Telemetry {
  readonly #clock: Clock
  readonly #following: Disposable
  readonly #ledger = new Ledger()
  readonly #events = new Map<string, number>()
  #peaks: ReadonlyMap<string, Peak> = new Map()
  readonly #looks: Look[] = []
  #look: ((counted: Counted) => Scene) | undefined
  #isShown = (): boolean => false
  #last: Scene | undefined
  #ticks = 0
  #timer: Disposable | undefined

  constructor(clock: Clock, journal: Pick<OpenJournal, 'follow'>) {
    this.#clock = clock
    this.#looks.push({ at: clock.now(), totals: noTotals })
    this.#following = journal.follow(({ room, rule }) => {
      const event = `${room} ${rule}`
      const count = this.#events.get(event)
      if (count === undefined && this.#events.size >= eventsMost) return
      this.#events.set(event, (count ?? 0) + 1)
    })
  }

  hear(edge: string, meters: EdgeMeters): void {
    this.#ledger.hear(edge, meters)
  }

  watch(look: (counted: Counted) => Scene, isShown: () => boolean): void {
    this.#look = look
    this.#isShown = isShown
    this.#timer = this.#clock.after(lookEvery, () => this.#tick())
  }

  scene(): Scene | undefined {
    const [before = { at: this.#clock.now(), totals: noTotals }] = this.#looks
    return this.#look?.({
      totals: this.#ledger.totals,
      before,
      peaks: this.#peaks,
      events: this.#events,
      node: hostname(),
    })
  }

  recent(service: string): RecentAnswers | undefined {
    const [before = { at: this.#clock.now(), totals: noTotals }] = this.#looks
    const times = recentTimes({ totals: this.#ledger.totals, before }, service)
    const [half, most] = [times.quantile(0.5), times.quantile(0.99)]
    const seconds = since(before.at, this.#clock.now()) / 1000
    if (half === undefined || most === undefined || seconds === 0) return undefined
    return { perSecond: times.count / seconds, half: ms(half), most: ms(most) }
  }

  #tick(): void {
    this.#timer = this.#clock.after(lookEvery, () => this.#tick())
    const isShown = this.#isShown()
    this.#ticks += 1
    if (isShown || this.#ticks % unshownEach === 0) this.#see(isShown)
    this.#looks.push({ at: this.#clock.now(), totals: this.#ledger.totals })
    if (this.#looks.length > looksKept) this.#looks.shift()
  }

  #see(isShown: boolean): void {
    const scene = this.scene()
    if (scene === undefined) return
    if (isShown) {
      this.#peaks = peaksAfter(scene, this.#last, ratesNow(scene, this.#looks.at(-1)))
    }
    // What happened while nobody looked is in no peak.
    this.#last = isShown ? scene : undefined
    this.#forget(scene)
  }

  /** A server that stands in no service has had its last word heard by now. */
  #forget({ services, frontends }: Scene): void {
    const names = {
      frontends: new Set(frontends.map(({ name }) => name)),
      services: new Set(services.map(({ name }) => name)),
      servers: new Set(services.flatMap(({ servers }) => servers.map(({ id }) => id))),
    }
    this.#ledger.keep((kind, name) => names[kind].has(name))
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]()
    this.#following[Symbol.dispose]()
  }
}

/** Over the last second: what peaks are made of. */
function ratesNow(
  { totals, now }: Scene,
  last: Look | undefined,
): ReadonlyMap<string, { readonly rate: number; readonly asked: number }> {
  const rates = new Map<string, { rate: number; asked: number }>()
  if (last === undefined || now <= last.at) return rates
  const perSecond = (before: number, after: number): number =>
    Math.round(Math.max(0, after - before) / ((now - last.at) / 1000))
  for (const [name, counts] of totals.frontends) {
    const before = last.totals.frontends.get(name)
    rates.set(`frontend ${name}`, {
      rate: perSecond(before?.accepted ?? 0, counts.accepted),
      asked: perSecond(before?.requests ?? 0, counts.requests),
    })
  }
  for (const [id, counts] of totals.servers) {
    const rate = perSecond(last.totals.servers.get(id)?.requests ?? 0, counts.requests)
    rates.set(`server ${id}`, { rate, asked: 0 })
    const service = `service ${counts.service}`
    rates.set(service, { rate: (rates.get(service)?.rate ?? 0) + rate, asked: 0 })
  }
  return rates
}
