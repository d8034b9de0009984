// When is a write safe, and what happens then? Gathers what is staged while the disk is busy, hands
// it over as one group, and carries it out in order once the disk has it.

import type { Fault } from '../../foundation/fault.ts'
import { Batch, type Entry, entryKind } from './batch.ts'
import { getInt, Sink } from './bytes.ts'
import { groupHeaderBytes } from './groups.ts'
import type { Stager } from './stage.ts'
import type { State } from './transactions.ts'
import type { Wal } from './wal.ts'
import type { Znode } from './znode.ts'

/** What a group commit works with. */
export interface GroupCommitOptions<C> {
  readonly state: State
  readonly stager: Stager
  readonly wal: Wal
  /** Calls back when what came at the same time has been read. */
  readonly defer: (run: () => void) => void
  readonly now: () => number
  /** The disk has a batch, and it is about to be carried out. */
  readonly carrying: (batch: Batch<C>) => void
  /** The disk has this entry's write, and the state too; `results` are a multi's. */
  readonly carry: (entry: Entry<C>, node: Znode | null, results: Sink) => void
  /** Everything of a batch was carried out. */
  readonly carried: (batch: Batch<C>) => void
  /** Nothing can become safe any more. */
  readonly failed: (fault: Fault) => void
}

/** The batches of a server: one that is filled, and one that is on its way to the disk. */
export class GroupCommit<C> {
  readonly #options: GroupCommitOptions<C>
  #filling = new Batch<C>()
  #syncing: Batch<C> | null = null
  #spare: Batch<C> | null = new Batch<C>()
  readonly #results = new Sink()
  #isScheduled = false
  #hasFailed = false
  #idle: (() => void)[] = []

  constructor(options: GroupCommitOptions<C>) {
    this.#options = options
    options.stager.log = this.#filling.log
  }

  /** The batch that has to be safe before anything staged so far shows; `null`: all is. */
  get latest(): Batch<C> | null {
    return this.#filling.count > 0 ? this.#filling : this.#syncing
  }

  /** A transaction was staged; `about` is whatever `carry` needs to know. Returns its batch. */
  staged(connection: C | null, xid: number, op: number, about: Entry<C>['about'] = 0): Batch<C> {
    const batch = this.#filling
    if (batch.count === 0) batch.startedAt = this.#options.now()
    batch.count += 1
    batch.add(entryKind.write, connection, xid, op, about)
    this.#schedule()
    return batch
  }

  #schedule(): void {
    if (this.#isScheduled || this.#syncing !== null || this.#hasFailed) return
    this.#isScheduled = true
    this.#options.defer(() => this.#flush())
  }

  #flush(): void {
    this.#isScheduled = false
    const batch = this.#filling
    if (this.#syncing !== null || batch.count === 0) return
    this.#syncing = batch
    this.#filling = this.#spare ?? new Batch<C>()
    this.#spare = null
    const { stager, wal } = this.#options
    stager.log = this.#filling.log
    batch.stagedCost = stager.stagedCost
    wal.append(batch.log, batch.count, stager.zxid - batch.count + 1, (error) => {
      if (error === null) this.#carryOut(batch)
      else this.#fail(error)
    })
  }

  #fail(error: Fault): void {
    this.#hasFailed = true
    this.#options.failed(error)
  }

  #carryOut(batch: Batch<C>): void {
    const { state, stager, carrying, carry, carried, now } = this.#options
    const { bytes } = batch.log
    const heardAt = now()
    carrying(batch)
    let at = groupHeaderBytes
    // Entries may join while the batch is carried out: those that were held ask again.
    for (let index = 0; index < batch.entries.length; index += 1) {
      const entry = batch.entries[index] as Entry<C>
      let node: Znode | null = null
      this.#results.clear()
      if (entry.kind === entryKind.write) {
        const end = at + 4 + getInt(bytes, at)
        node = state.apply(bytes, at + 4, end, heardAt, this.#results)
        at = end
      }
      carry(entry, node, this.#results)
    }
    this.#syncing = null
    stager.committed(batch.stagedCost)
    carried(batch)
    batch.clear()
    this.#spare = batch
    if (this.#filling.count > 0) this.#schedule()
    else this.#tellIdle()
  }

  #tellIdle(): void {
    const told = this.#idle
    this.#idle = []
    for (const tell of told) tell()
  }

  /** Resolves when nothing waits for the disk, or nothing ever will be safe. */
  whenIdle(): Promise<void> {
    if (this.latest === null || this.#hasFailed) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }
}
