// Do the edges of all machines know a challenge? Each machine says so in a node of its own, as long
// as its session lives.

import type { Coordinator } from '../../../coordination/coordinator.ts'
import { until } from '../../../coordination/recipes/follow.ts'
import { type Clock, ms } from '../../../foundation/time.ts'

/** For the edges of other machines; their agents give up on an edge after three seconds. */
const heardWithin = ms(5000)

/** How a machine says which challenges its edges know: by the names of their nodes. */
export const formatHeard = (nodes: readonly string[]): string => JSON.stringify(nodes)
const parseHeard = (data: Buffer): readonly string[] => JSON.parse(data.toString('utf8'))

/**
 * Waits until every machine below `place` says that its edges know the challenge of `node`; returns
 * those that have not said so in time.
 */
export async function untilHeard(
  coordinator: Coordinator,
  place: string,
  node: string,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly string[]> {
  let lacking: readonly string[] = []
  const look = async (at: AbortSignal): Promise<boolean> => {
    const found: string[] = []
    for (const machine of (await coordinator.list(place, at)) ?? []) {
      const seen = await coordinator.read(`${place}/${machine}`, at)
      if (seen !== undefined && !parseHeard(seen.data).includes(node)) found.push(machine)
    }
    lacking = found
    return found.length === 0
  }
  const late = new AbortController()
  using _timer = clock.after(heardWithin, () => late.abort())
  const either = AbortSignal.any([signal, late.signal])
  try {
    await until(coordinator, { path: place, deep: true, look }, (isHeard) => isHeard, either)
    return []
  } catch (thrown) {
    if (signal.aborted || !late.signal.aborted) throw thrown
    return lacking
  }
}
