// How late the event loop of an edge is while it is busy: what everything on it waits for.

import { setTimeout as pause } from 'node:timers/promises'
import type { OpenProxy, Run } from './load.ts'
import { wrk } from './wrk.ts'

/** Counts of `alwayson_edge_delay_seconds` by the upper bound of their bucket, in milliseconds. */
async function counts(port: number): Promise<ReadonlyMap<number, number>> {
  const page = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const lines = page.matchAll(/^alwayson_edge_delay_seconds_bucket\{le="([^"]+)"\} (\d+)$/gm)
  return new Map([...lines].map(([, bound, count]) => [Number(bound) * 1000, Number(count)]))
}

/** Its cost is the p99 of the delay; the bound of the bucket that it lies in. */
export async function delay(proxy: OpenProxy, seconds: number): Promise<Run> {
  if (proxy.metrics === undefined) throw new Error('it shows no metrics')
  const before = await counts(proxy.metrics)
  const run = await wrk(proxy, seconds, {})
  // Edges tell what they counted once in a while.
  await pause(1500)
  const after = await counts(proxy.metrics)
  const since = [...after].map(
    ([bound, count]) => [bound, count - (before.get(bound) ?? 0)] as const,
  )
  const total = Math.max(...since.map(([, count]) => count))
  const at = (share: number): number =>
    since.find(([, count]) => count >= total * share)?.[0] ?? Number.POSITIVE_INFINITY
  return { ...run, cost: at(0.99), p50: at(0.5), p99: at(0.99) }
}
