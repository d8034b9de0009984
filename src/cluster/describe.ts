// A placement in words: what moves where. Pure.

import type { Shares } from './model.ts'

/** What differs between two placements, a sentence for each service. */
export function describeMoves(before: Shares, after: Shares): readonly string[] {
  const services = [...new Set([...Object.keys(before), ...Object.keys(after)])].toSorted()
  return services.flatMap((service) => {
    const was = before[service] ?? {}
    const is = after[service] ?? {}
    const machines = [...new Set([...Object.keys(was), ...Object.keys(is)])].toSorted()
    const changes = machines.flatMap((machine) => {
      const [from, to] = [was[machine] ?? 0, is[machine] ?? 0]
      return from === to ? [] : [`${to} on ${machine} (was ${from})`]
    })
    return changes.length === 0 ? [] : [`run ${service}: ${changes.join(', ')}`]
  })
}

/** A placement of one service: `2 on a, 1 on b`. */
export const describeShare = (share: Readonly<Record<string, number>>): string =>
  Object.entries(share)
    .toSorted()
    .map(([machine, count]) => `${count} on ${machine}`)
    .join(', ') || 'nowhere'
