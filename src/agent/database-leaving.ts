// When may a member go that the file does not name any more? Once no acknowledged write can be on
// it alone; until then it is looked after as before.

import { waker } from '../coordination/recipes/persevere.ts'
import type { DatabaseBoard } from '../databases/board.ts'
import type { DatabasePlan, MemberPlan } from '../databases/model.ts'
import { mayLeave } from '../databases/requests.ts'

/** A member that is to go, and the plan that it was a member of. */
export interface Leaving {
  readonly plan: DatabasePlan
  readonly member: MemberPlan
}

/** Who has to go when `is` takes the place of `was`, while `still` had not gone before. */
export function leavingOf(
  was: DatabasePlan,
  is: DatabasePlan,
  still: readonly Leaving[],
): readonly Leaving[] {
  const isNamed = (name: string): boolean => is.members.some((member) => member.name === name)
  const gone = was.members.map((member) => ({ plan: was, member }))
  return [...still, ...gone].filter(({ member }) => !isNamed(member.name))
}

/** Resolves when it may go; rejects when the signal is aborted. */
export async function untilMayLeave(
  board: DatabaseBoard,
  member: string,
  signal: AbortSignal,
): Promise<void> {
  const bell = waker()
  using _changes = board.onChange(bell.wake)
  for (;;) {
    signal.throwIfAborted()
    const { record, connected } = board.view()
    if (connected && record !== undefined && mayLeave(record, member)) return
    await bell.wait(signal)
  }
}
