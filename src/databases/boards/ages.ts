// How do instants travel between machines whose clocks differ? As ages: how long ago something was
// when it was told. Pure.

import { type Instant, since } from '../../foundation/time.ts'
import type { MemberSighting } from '../model.ts'

/** The instants of a sighting beside `heard`. */
const instants = ['receivedAt', 'failingSince', 'waitingSince'] as const

/** A sighting for the wire: `heard` is when it is told, and every other instant an age. */
export function toWire(sighting: MemberSighting): MemberSighting {
  const ages = instants.map((name) => {
    const at = sighting[name]
    return [name, at === undefined ? undefined : since(at, sighting.heard)]
  })
  return { ...sighting, ...Object.fromEntries(ages) }
}

/** What was told, by the clock of whoever hears it `now`: never older than it was said to be. */
export function fromWire(told: MemberSighting, now: Instant): MemberSighting {
  const seen = instants.map((name) => {
    const age = told[name]
    return [name, age === undefined ? undefined : now - age]
  })
  return { ...told, heard: now, ...Object.fromEntries(seen) }
}
