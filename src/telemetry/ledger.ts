// How much was there in all? Adds up what edges count, across their lives: an edge begins at zero,
// what is told here never goes back. Pure.

import type {
  EdgeMeters,
  FrontendMeters,
  RequestSeries,
  ServerMeters,
  ServiceMeters,
} from '../balancing/meters/model.ts'
import { Histogram, type Spread } from '../control/histogram.ts'

/** Edges whose last word is kept to tell what is new in the next one. */
const edgesMost = 256

/** Counts by what they count. */
export interface Totals {
  /** How late the event loops of all edges were. */
  readonly lateness: Spread
  readonly requests: ReadonlyMap<string, RequestSeries>
  readonly frontends: ReadonlyMap<string, FrontendMeters>
  readonly services: ReadonlyMap<string, ServiceMeters>
  readonly servers: ReadonlyMap<string, ServerMeters>
}

export const noTotals: Totals = {
  lateness: { sum: 0, counts: [] },
  requests: new Map(),
  frontends: new Map(),
  services: new Map(),
  servers: new Map(),
}

/** What is counted by name, and may go. */
export type Named = 'frontends' | 'services' | 'servers'

/** The sums of all edges that ever told something. */
export class Ledger {
  readonly #last = new Map<string, Totals>()
  #totals = noTotals

  get totals(): Totals {
    return this.#totals
  }

  /** An edge, by a name that no other process has, tells what it has counted since its start. */
  hear(edge: string, meters: EdgeMeters): void {
    const before = this.#last.get(edge) ?? noTotals
    const now = byName(meters)
    this.#last.delete(edge)
    this.#last.set(edge, now)
    if (this.#last.size > edgesMost) this.#last.delete(this.#last.keys().next().value as string)
    this.#totals = {
      lateness: plus(this.#totals.lateness, news(before.lateness, now.lateness)) as Spread,
      requests: grown(this.#totals.requests, before.requests, now.requests),
      frontends: grown(this.#totals.frontends, before.frontends, now.frontends),
      services: grown(this.#totals.services, before.services, now.services),
      servers: grown(this.#totals.servers, before.servers, now.servers),
    }
  }

  /** Forgets frontends, services and servers that are no more. */
  keep(known: (kind: Named, name: string) => boolean): void {
    const kept = <T>(kind: Named, all: ReadonlyMap<string, T>): ReadonlyMap<string, T> =>
      new Map([...all].filter(([name]) => known(kind, name)))
    this.#totals = {
      lateness: this.#totals.lateness,
      requests: this.#totals.requests,
      frontends: kept('frontends', this.#totals.frontends),
      services: kept('services', this.#totals.services),
      servers: kept('servers', this.#totals.servers),
    }
  }
}

const byName = ({ lateness, requests, frontends, services, servers }: EdgeMeters): Totals => ({
  lateness,
  requests: new Map(
    requests.map((series) => {
      const { frontend, service, method, status } = series
      return [`${frontend} ${service} ${method} ${status}`, series]
    }),
  ),
  frontends: new Map(Object.entries(frontends)),
  services: new Map(Object.entries(services)),
  servers: new Map(Object.entries(servers)),
})

function grown<T extends object>(
  totals: ReadonlyMap<string, T>,
  before: ReadonlyMap<string, T>,
  now: ReadonlyMap<string, T>,
): ReadonlyMap<string, T> {
  const all = new Map(totals)
  for (const [name, value] of now) {
    all.set(name, plus(all.get(name), news(before.get(name), value)) as T)
  }
  return all
}

const isSpread = (value: unknown): value is Spread =>
  typeof value === 'object' && value !== null && 'counts' in value && 'sum' in value

/** What has come since `before`; all of `now` when anything went back: it began anew. */
function news(before: unknown, now: unknown): unknown {
  return before === undefined || hasFallen(before, now) ? now : minus(before, now)
}

function hasFallen(before: unknown, now: unknown): boolean {
  if (typeof now === 'number') return typeof before === 'number' && now < before
  if (isSpread(now)) return isSpread(before) && total(now) < total(before)
  if (typeof now !== 'object' || now === null || typeof before !== 'object') return false
  const old = before as Readonly<Record<string, unknown>>
  return Object.entries(now).some(([key, value]) => !isLabel(key) && hasFallen(old[key], value))
}

function total({ counts }: Spread): number {
  let sum = 0
  for (let at = 1; at < counts.length; at += 2) sum += counts[at] as number
  return sum
}

const minus = (before: unknown, now: unknown): unknown => combine(before, now, -1)
const plus = (a: unknown, b: unknown): unknown => (a === undefined ? b : combine(a, b, 1))

/** `b` with so much of `a` added, part by part; names and numbers that are labels stay. */
function combine(a: unknown, b: unknown, sign: 1 | -1): unknown {
  if (typeof b === 'number') return b + sign * (typeof a === 'number' ? a : 0)
  if (isSpread(b)) return isSpread(a) ? new Histogram().merge(b).merge(a, sign).spread : b
  if (Array.isArray(b)) {
    const old: readonly unknown[] = Array.isArray(a) ? a : []
    return b.map((value, index) => combine(old[index], value, sign))
  }
  if (typeof b !== 'object' || b === null) return b
  const old = (a ?? {}) as Readonly<Record<string, unknown>>
  const parts = Object.entries(b).map(([key, value]) => [
    key,
    isLabel(key) ? value : combine(old[key], value, sign),
  ])
  return { ...(sign === 1 ? old : {}), ...Object.fromEntries(parts) }
}

/** A number that says what is counted, not how much. */
const isLabel = (key: string): boolean => key === 'status'
