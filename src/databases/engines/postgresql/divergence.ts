// Can what is here ever follow whom it was told to? Asked while it does not receive, in the
// background: no look waits for another machine.

import type { MemberAddress } from '../../engine.ts'
import type { Position } from '../../model.ts'
import { forkOf } from './lsn.ts'
import { askOnce, type PrimarySelf } from './primary.ts'
import type { Server } from './server.ts'
import { ServerLog } from './trouble.ts'

const askWithin = 2000

/** Whether whoever is at `position` has what the primary has not. Pure. */
export function hasParted(position: Position, primary: PrimarySelf): boolean {
  const { line, at } = primary.position
  if (position.line === line) return position.at > at
  return forkOf(primary.history, position) !== undefined
}

/** What a primary answers whose log has been removed; in a replica's own log too. */
export const goneWords =
  /requested WAL segment \S+ has already been removed|can no longer get changes/

export class DivergenceWatch {
  readonly #server: Server
  #asking = false
  #found: { readonly of: string; readonly parted: boolean } | undefined
  readonly #log: ServerLog
  #of: string | undefined

  constructor(server: Server) {
    this.#server = server
    this.#log = new ServerLog(server.log.path)
    // What it said to an agent before this one is of the past: whoever cannot follow says it again.
    this.#log.begin()
  }

  /** It follows nobody: what its log says from now on may be of those who receive from it. */
  end(): void {
    this.#of = undefined
    this.#found = undefined
  }

  /** It has been told to follow this one; anew, if what it has has been replaced since. */
  begin(upstream: MemberAddress, isNew: boolean): void {
    const of = JSON.stringify(upstream)
    if (of === this.#of && !isNew) return
    this.#of = of
    this.#found = undefined
    this.#log.begin()
  }

  /** What is known by now, of one that is to follow `upstream` and receives nothing. */
  check(upstream: MemberAddress, position: Position): boolean {
    const of = JSON.stringify([upstream, position])
    if (!this.#asking) void this.#ask(upstream, position, of)
    if (this.#found?.of === of && this.#found.parted) return true
    return goneWords.test(this.#log.since())
  }

  async #ask(upstream: MemberAddress, position: Position, of: string): Promise<void> {
    this.#asking = true
    try {
      const primary = await askOnce(this.#server, upstream, AbortSignal.timeout(askWithin))
      this.#found = { of, parted: hasParted(position, primary) }
    } catch {
      // It does not answer, so it says nothing about histories.
      this.#found = undefined
    } finally {
      this.#asking = false
    }
  }
}
