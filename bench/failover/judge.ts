// Is what clients were told true? Compares their histories with what the primary has, and with one
// another.

import { checkAcknowledged } from '../../src/drills/checkers/acknowledged.ts'
import { checkAppends } from '../../src/drills/checkers/append.ts'
import { checkEpochs } from '../../src/drills/checkers/epochs.ts'
import type {
  AcknowledgedVerdict,
  AppendVerdict,
  EpochVerdict,
  Transaction,
} from '../../src/drills/checkers/model.ts'
import { until } from '../../test/engines/waiting.ts'
import type { Bed } from './bed.ts'
import { acknowledgementsOf, insertsOf } from './history.ts'
import type { Place } from './place.ts'

/** Judges the rows of a place's client, which goes on writing meanwhile. */
export async function judge(bed: Bed, place: Place): Promise<AcknowledgedVerdict> {
  // When the read was is told by the client's own clock: two processes' clocks may differ.
  const latest = (): number => place.history().at(-1)?.completed ?? 0
  const invoked = latest()
  const ids = await bed.ids(place)
  const last = [...ids].reduce((most, id) => Math.max(most, id), 0)
  // A row may be there before its client has noted what became of it.
  await until('the client has noted what was read', () =>
    place.history().some(({ id }) => id >= last),
  )
  return checkAcknowledged(insertsOf(place.history()), { ids, invoked, completed: latest() })
}

/** Whether each epoch had one server, and ended when the next one began. */
export const judgeEpochs = (bed: Bed): EpochVerdict =>
  checkEpochs(bed.places.flatMap((place) => acknowledgementsOf(place.history())))

/** Judges the lists, whose clients have ended: all of them are read once more, at the end. */
export async function judgeLists(bed: Bed): Promise<AppendVerdict> {
  const now = (): number => performance.timeOrigin + performance.now()
  const invoked = now()
  const lists = await bed.lists()
  const last: Transaction = {
    ...{ id: 'at the end', invoked, completed: now(), outcome: 'ok' },
    steps: [...lists].map(([key, values]) => ({ kind: 'read', key, values })),
  }
  const history = bed.places.flatMap((place) => place.transactions())
  return checkAppends([...history, last], 'serializable')
}
