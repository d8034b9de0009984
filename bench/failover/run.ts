// One fault and what came of it: how long clients waited, what they were told, whether it is true.

import { setTimeout as pause } from 'node:timers/promises'
import { isAcknowledgedKept } from '../../src/drills/checkers/acknowledged.ts'
import { describeAcknowledged, describeEpochs } from '../../src/drills/checkers/describe.ts'
import { isEpochKept } from '../../src/drills/checkers/epochs.ts'
import type { Bed } from './bed.ts'
import type { Fault } from './faults.ts'
import { noticed } from './history.ts'
import { judge, judgeEpochs } from './judge.ts'
import type { Place } from './place.ts'

/** What one run showed. */
export interface Run {
  /** The longest wait of a client that the fault leaves alone, ms. */
  readonly outage: number
  /** Statements of such clients whose outcome they were not told, and connections refused. */
  readonly errors: number
  /** Until every member follows again and all clients are answered, ms. */
  readonly redundancy: number
  /** How far the epoch went: by two with each failover, and many are ill. */
  readonly epochs: number
}

const now = (): number => performance.timeOrigin + performance.now()

/** Lets a fault befall a bed that is well; resolves when it is well again. */
export async function once(bed: Bed, fault: Fault): Promise<Run> {
  const seen = await bed.well()
  const primary = seen.primary ?? ''
  let at = 0
  let concerned: readonly Place[] = []
  await fault.befall(bed, {
    primary,
    replicas: seen.members.map(({ name }) => name).filter((name) => name !== primary),
    members: seen.members,
    strikes(places = []) {
      at = now()
      // Where all members share one place there is no client but its own.
      concerned = bed.places.length === 1 ? [] : places
    },
    pause: (ms) => pause(ms),
  })
  const { epoch } = await bed.well()
  const end = now()
  await bed.approve()
  const left = bed.places.filter((place) => !concerned.includes(place))
  const told = left.map((place) => noticed(place.history(), at, end))
  return {
    outage: Math.max(...told.map(({ outage }) => outage)),
    errors: told.reduce((sum, { errors }) => sum + errors, 0),
    redundancy: end - at,
    epochs: epoch - seen.epoch,
  }
}

/** What is false of what clients were told so far. */
export interface Falsehoods {
  /** Rows that are gone, or there, against what their client was told. */
  readonly rows: number
  /** Acknowledgements at an epoch that was over, or by a second server of it. */
  readonly epochs: number
  /** In words, where there are any. */
  readonly said: readonly string[]
}

/** Judges all that clients were told since the bed was opened. */
export async function falsehoods(bed: Bed): Promise<Falsehoods> {
  const said: string[] = []
  let rows = 0
  for (const place of bed.places) {
    const verdict = await judge(bed, place)
    if (isAcknowledgedKept(verdict)) continue
    said.push(`${place.name}: ${describeAcknowledged(verdict)}`)
    rows += verdict.lost.length + verdict.unexpected.length + verdict.resurrected.length
  }
  const epochs = judgeEpochs(bed)
  if (!isEpochKept(epochs)) said.push(describeEpochs(epochs))
  return { rows, epochs: epochs.late.length + epochs.shared.length, said }
}
