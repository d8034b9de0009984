// Is what a client was told true? Compares its history with what the primary has.

import { checkAcknowledged } from '../../src/drills/checkers/acknowledged.ts'
import type { AcknowledgedVerdict } from '../../src/drills/checkers/model.ts'
import { until } from '../../test/engines/waiting.ts'
import type { Bed, Place } from './bed.ts'
import { insertsOf } from './history.ts'

/** Judges the rows of a place's client, which goes on writing meanwhile. */
export async function judge(bed: Bed, place: Place): Promise<AcknowledgedVerdict> {
  // When the read was is told by the client's own clock: two processes' clocks may differ.
  const latest = (): number => place.history().at(-1)?.completed ?? 0
  const invoked = latest()
  const ids = await bed.ids(place)
  const last = Math.max(0, ...ids)
  // A row may be there before its client has noted what became of it.
  await until('the client has noted what was read', () =>
    place.history().some(({ id }) => id >= last),
  )
  return checkAcknowledged(insertsOf(place.history()), { ids, invoked, completed: latest() })
}
