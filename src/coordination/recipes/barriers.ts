// When may several begin together, and end together? When all are there, and when all have left.

import { type Coordinator, whyNot } from '../coordinator.ts'
import { json } from './documents.ts'
import { until } from './follow.ts'
import { join } from './membership.ts'
import { ensure, persevere } from './persevere.ts'

/** Who meets at a barrier. */
export interface BarrierPolicy {
  /** A node that is used for one meeting only. */
  readonly path: string
  /** A name without slashes that nobody else here has. */
  readonly id: string
  /** How many begin together. */
  readonly size: number
}

const noValue = json(() => null)

/**
 * Waits until `size` have come, runs `body`, and waits until all have left. Whoever's session ends
 * has left. Returns what `body` returns; leaving is not waited for if it fails.
 */
export async function inBarrier<T>(
  coordinator: Coordinator,
  { path, id, size }: BarrierPolicy,
  signal: AbortSignal,
  body: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const either = AbortSignal.any([signal, coordinator.over])
  const ready = `${path}/ready`
  const inside = `${path}/inside`
  await ensure(coordinator, inside, either)
  const count = async (at: AbortSignal) => ((await coordinator.list(inside, at)) ?? []).length
  let result: T
  {
    await using membership = await join(coordinator, inside, id, null, noValue, either)
    const look = async (at: AbortSignal) =>
      (await coordinator.read(ready, at)) !== undefined || (await count(at)) >= size
    await until(coordinator, { path, deep: true, look }, (all) => all, either)
    // Those who come to look later must not depend on nobody having left by then.
    await ensure(coordinator, ready, either)
    result = await body(AbortSignal.any([either, membership.lost]))
  }
  await until(coordinator, { path: inside, deep: false, look: count }, (left) => left === 0, either)
  await clear(coordinator, [ready, inside, path])
  return result
}

/** The last to leave puts out the lights; whoever is too late finds them out. */
async function clear(coordinator: Coordinator, nodes: readonly string[]): Promise<void> {
  const changes = nodes.map((node) => ({ kind: 'delete', path: node }) as const)
  try {
    await persevere(() => coordinator.write(changes))
  } catch (thrown) {
    const why = whyNot(thrown)
    if (why === undefined) throw thrown
  }
}
