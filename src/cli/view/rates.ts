// How many requests a second? What two looks at the status, one after the other, say. Pure.

import type { Status } from '../../agent/model.ts'
import { since } from '../../foundation/time.ts'

/** Requests a second by the name of a server or frontend; nothing where it cannot be said. */
export type Rates = ReadonlyMap<string, number>

/** Counts begin anew with an edge: a number that fell says nothing. */
export function ratesBetween(before: Status, after: Status): Rates {
  const seconds = since(before.now, after.now) / 1000
  const old = new Map(totals(before))
  const rates = new Map<string, number>()
  for (const [name, total] of totals(after)) {
    const more = total - (old.get(name) ?? Number.POSITIVE_INFINITY)
    if (seconds > 0 && more >= 0) rates.set(name, more / seconds)
  }
  return rates
}

const totals = ({ services, frontends }: Status): readonly (readonly [string, number])[] => [
  ...services.flatMap(({ servers }) =>
    servers.map(({ id, requests }) => [serverKey(id), requests] as const),
  ),
  ...frontends.map(({ name, traffic }) => [frontendKey(name), traffic.requests] as const),
]

/** A server and a frontend may have the same name. */
export const serverKey = (id: string): string => `server ${id}`
export const frontendKey = (name: string): string => `frontend ${name}`
