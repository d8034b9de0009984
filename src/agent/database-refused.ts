// What is told of a member on this machine that could not be opened: that it is there, and why
// nobody looks after it.

import { existsSync } from 'node:fs'
import { type DatabaseBoard, firstRecord } from '../databases/board.ts'
import { troubleOf } from '../databases/trouble.ts'
import { type Clock, later, type Milliseconds, ms, sleep } from '../foundation/time.ts'

/** Less than any silence. */
const tellEvery = ms(300)

/** A member without a keeper, and without a server that runs. */
export interface RefusedMember {
  readonly member: string
  /** The folder of its data: where there is none, nothing is kept from anybody. */
  readonly data: string
  readonly thrown: unknown
}

/** Tells of it for so long, or until the signal is aborted. */
export async function tellRefused(
  board: DatabaseBoard,
  { member, data, thrown }: RefusedMember,
  within: Milliseconds,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  const { why: trouble, remedy } = troubleOf(thrown)
  const until = later(clock.now(), within)
  while (!signal.aborted && clock.now() < until) {
    const { epoch } = board.view().record ?? firstRecord
    const sighting = {
      ...{ member, heard: clock.now(), epoch: 0, promised: 0, writable: false },
      server: existsSync(data) ? ('broken' as const) : ('absent' as const),
      ...{ received: undefined, applied: undefined, upstream: undefined, receivedAt: undefined },
      ...{ acks: undefined, acksVersion: 0, acksSince: undefined, diverged: false },
      ...{ failingSince: undefined, trouble, remedy },
    }
    // Where nobody can be told, nobody waits for it either.
    await board.tell(sighting, epoch, signal).catch(() => false)
    await sleep(clock, tellEvery, signal).catch(() => {})
  }
}
