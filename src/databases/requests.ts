// May a member go that is none any more? Pure.

import { leadOf } from './facts.ts'
import type { DatabaseRecord } from './model.ts'

/** Whether a member that is none any more can go: no acknowledged write may be on it alone. */
export const mayLeave = (record: DatabaseRecord, member: string): boolean =>
  leadOf(record) !== member &&
  record.phase.kind !== 'electing' &&
  record.acks.every(({ members }) => !members.includes(member))
