// A member on each of three machines, and a client that writes on each: the disk of a replica, and
// then that of the primary, is filled to the last byte. It is said, writes go on, nothing is lost.

import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { type Bed, openBed } from '../../bench/failover/bed.ts'
import { judge } from '../../bench/failover/judge.ts'
import { isAcknowledgedKept } from '../../src/drills/checkers/acknowledged.ts'
import { describeAcknowledged } from '../../src/drills/checkers/describe.ts'
import { until } from '../engines/waiting.ts'
import { namespacesMissing } from '../hosts/namespaces.ts'

const patience = 180_000

/** How many rows have been acknowledged so far, on the machines of `others`. */
const acknowledged = (bed: Bed, others: (machine: string) => boolean): number =>
  bed.places
    .filter(({ name }) => others(name))
    .flatMap((place) => place.history().filter(({ outcome }) => outcome === 'ok')).length

/** Fills the disk of a member until that is told, and what should be done has been. */
async function fill(bed: Bed, member: string, isDone: () => Promise<boolean>): Promise<void> {
  const place = bed.placeOf(member)
  place.disk?.fill()
  try {
    await until(
      `it is told of ${member}`,
      async () => {
        const seen = (await bed.look())?.members.find(({ name }) => name === member)
        return seen !== undefined && seen.standing !== 'good' && seen.reason !== ''
      },
      patience,
    )
    await until('what should be is', isDone, patience)
    const before = acknowledged(bed, (name) => name !== place.name)
    await until(
      'writes go on',
      () => Promise.resolve(acknowledged(bed, (name) => name !== place.name) > before + 50),
      patience,
    )
  } finally {
    place.disk?.free()
  }
}

for (const engine of ['postgresql', 'mariadb'] as const) {
  suite(`a full disk under ${engine}`, { skip: namespacesMissing() }, () => {
    test('is told, holds up nobody, and is gone when there is room', async () => {
      await using bed = await openBed({ engine, where: 'machines', durability: 'quorum' })
      const { primary: first = '', members } = await bed.well()
      const replica = members.find(({ name }) => name !== first)?.name ?? ''
      await fill(bed, replica, async () => (await bed.look())?.primary === first)
      const { primary = '' } = await bed.well()
      const isReplaced = async (): Promise<boolean> => {
        const now = (await bed.look())?.primary
        return now !== undefined && now !== primary
      }
      await fill(bed, primary, isReplaced)
      await bed.well()
      for (const place of bed.places) {
        const verdict = await judge(bed, place)
        assert.ok(isAcknowledgedKept(verdict), describeAcknowledged(verdict))
      }
    })
  })
}
