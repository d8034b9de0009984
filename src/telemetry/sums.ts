// Sums over what was counted: by service, since a while ago, a second. Pure.

import type { ServerMeters } from '../balancing/meters/model.ts'
import { Histogram, type Spread } from '../control/histogram.ts'
import { since } from '../foundation/time.ts'
import type { Totals } from './ledger.ts'
import type { Scene } from './model.ts'

const noSpread: Spread = { sum: 0, counts: [] }

/** What a server has counted; zeros before the first word of it. */
export const serverCounts = ({ servers }: Pick<Totals, 'servers'>, id: string): ServerMeters =>
  servers.get(id) ?? {
    ...{ service: '', requests: 0, refused: 0, reset: 0, timedOut: 0, errors: 0 },
    ...{ answers: [0, 0, 0, 0, 0, 0], bytesIn: 0, bytesOut: 0 },
    ...{ redispatched: 0, clientAborts: 0, reused: 0 },
    ...{ connect: noSpread, firstByte: noSpread, time: noSpread },
  }

/** What came since `before`. */
export const difference = (before: Spread | undefined, now: Spread): Spread =>
  before === undefined ? now : new Histogram().merge(now).merge(before, -1).spread

/** A rate from two counts, at the two moments of the scene; whole, as HAProxy's are. */
export function perSecond(scene: Scene, before: number, now: number): number {
  return Math.round(exactPerSecond(scene, before, now))
}

export function exactPerSecond(
  { now: at, before: { at: then } }: Pick<Scene, 'now' | 'before'>,
  before: number,
  now: number,
): number {
  const length = since(then, at)
  return length === 0 ? 0 : Math.max(0, now - before) / (length / 1000)
}

/** A service's answers by first digit of the status, whoever gave them; 0 is none. */
export function answersOf({ requests }: Totals, service: string): readonly number[] {
  const answers = [0, 0, 0, 0, 0, 0]
  for (const series of requests.values()) {
    if (series.service !== service) continue
    const digit = Math.floor(series.status / 100)
    answers[digit] = (answers[digit] ?? 0) + new Histogram().merge(series.time).count
  }
  return answers
}

/** How long a service's requests took, through all doors, since the scene's earlier moment. */
export function recentTimes(
  { totals, before }: Pick<Scene, 'totals' | 'before'>,
  service: string,
): Histogram {
  const all = new Histogram()
  for (const [name, series] of totals.requests) {
    if (series.service === service) {
      all.merge(difference(before.totals.requests.get(name)?.time, series.time))
    }
  }
  return all
}
