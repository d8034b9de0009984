// What does an agent hold of one database: its plan, its board, and the members that run here?

import type { DatabaseBoard } from '../databases/board.ts'
import type { SharedBoard } from '../databases/boards/shared.ts'
import type { DatabasePlan } from '../databases/model.ts'
import type { Milliseconds } from '../foundation/time.ts'
import type { Keeping } from './database-keeping.ts'
import type { Leaving } from './database-leaving.ts'
import type { LocalMember } from './database-member.ts'
/** One database. */
export class Held implements AsyncDisposable {
  readonly plan: DatabasePlan
  readonly board: DatabaseBoard
  /** The same, where other machines share it. */
  readonly shared: SharedBoard | undefined
  readonly keeping: Keeping
  readonly stop = new AbortController()
  readonly members: LocalMember[] = []
  /** Those that the file does not name any more, and that have not gone yet. */
  leaving: readonly Leaving[] = []
  running: Promise<unknown>[] = []

  constructor(
    plan: DatabasePlan,
    board: DatabaseBoard,
    shared: SharedBoard | undefined,
    keeping: Keeping,
  ) {
    this.plan = plan
    this.board = board
    this.shared = shared
    this.keeping = keeping
  }

  /** Lets go of everything; what runs runs on. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.halt()
    await Promise.all(this.members.splice(0).map((member) => member.leave()))
  }

  async halt(): Promise<void> {
    this.stop.abort(new Error('the agent lets go of the database'))
    await Promise.allSettled(this.running)
  }

  /** Ends what runs here: whoever is primary first, so that the others get all it has. */
  async end(within: Milliseconds): Promise<void> {
    await this.halt()
    const isPrimary = (one: LocalMember): boolean => one.keeper.sighting()?.server === 'primary'
    const members = this.members.splice(0)
    for (const member of members.filter(isPrimary)) await member.end(within)
    await Promise.all(members.filter((one) => !isPrimary(one)).map((one) => one.end(within)))
  }
}
