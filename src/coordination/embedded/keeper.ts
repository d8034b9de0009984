// When is a snapshot taken, and which files are still needed? Works a little at a time, between
// requests.

import { Fault } from '../../foundation/fault.ts'
import type { Disk } from './disk.ts'
import type { ServerLimits } from './options.ts'
import { filesOf, numberOf } from './recovery.ts'
import { SnapshotWriter } from './snapshot.ts'
import type { State } from './transactions.ts'

/** So many nodes are written in one go: about a millisecond. */
const nodesAtOnce = 1000

/** So many lists that nobody may have any more are kept at most: a few megabytes. */
const newListsMost = 20_000

/** What a keeper works with. */
export interface KeeperOptions {
  readonly disk: Disk
  readonly state: State
  readonly limits: ServerLimits
  /** The bytes of the logs that were replayed: they lie behind the last snapshot already. */
  readonly behindBytes: number
  readonly salt: () => number
  /** Calls back soon, after requests that wait. */
  readonly defer: (run: () => void) => void
  /** A snapshot could not be written; the logs are kept, and it is tried again later. */
  readonly failed: (fault: Fault) => void
}

/** Takes the snapshots of a server, and deletes what they make needless. */
export class Keeper {
  readonly #options: KeeperOptions
  #writer: SnapshotWriter | null = null
  /** The bytes that had been logged when the last snapshot was begun. */
  #snapshotAt: number
  /** How many lists there were after the last. */
  #listsAt: number
  /** The last transaction that is in a snapshot. */
  #zxid: number

  constructor(options: KeeperOptions) {
    this.#options = options
    this.#snapshotAt = -options.behindBytes
    this.#listsAt = options.state.tree.acls.size
    const newest = filesOf(options.disk, 'snapshot').at(-1)
    this.#zxid = newest === undefined ? 0 : numberOf(newest)
  }

  get isBusy(): boolean {
    return this.#writer !== null
  }

  /**
   * Begins a snapshot if the logs, which have `written` bytes so far, have grown enough; or if
   * there are many new access control lists: it goes through all, and forgets those nobody has.
   */
  look(written: number): void {
    const { limits, state } = this.#options
    const isLong = written - this.#snapshotAt >= limits.snapshotAfterBytes
    if (isLong || state.tree.acls.size - this.#listsAt > newListsMost) this.begin(written)
  }

  /** Begins a snapshot, unless one is under way or there is nothing new. */
  begin(written: number): void {
    const { state, disk, salt } = this.#options
    if (this.#writer !== null || state.tree.zxid === this.#zxid) return
    this.#snapshotAt = written
    this.#listsAt = state.tree.acls.size
    try {
      this.#writer = new SnapshotWriter(state, disk, salt())
    } catch (thrown) {
      this.#fail(thrown)
      return
    }
    this.#options.defer(() => this.#goOn())
  }

  #goOn(): void {
    const writer = this.#writer
    if (writer === null) return
    try {
      if (writer.step(nodesAtOnce)) this.#options.defer(() => this.#goOn())
      else writer.finish((error) => this.#finished(writer, error))
    } catch (thrown) {
      writer.abandon()
      this.#fail(thrown)
    }
  }

  #finished(writer: SnapshotWriter, error: Error | null): void {
    if (error !== null) {
      this.#fail(error)
      return
    }
    this.#writer = null
    this.#zxid = writer.zxid
    this.#listsAt = this.#options.state.tree.acls.size
    try {
      this.#purge()
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #fail(cause: unknown): void {
    this.#writer = null
    const { disk, failed } = this.#options
    const remedy = `see to the file system of ${disk.name}; the logs are kept until it works`
    failed(new Fault('failed', `cannot keep a snapshot in ${disk.name}`, { remedy, cause }))
  }

  /** Deletes the snapshots before the last few, and the logs that end before the oldest of them. */
  #purge(): void {
    const { disk, limits } = this.#options
    const snapshots = filesOf(disk, 'snapshot')
    const kept = snapshots.slice(-limits.snapshotsKept)
    const oldest = kept[0]
    if (oldest === undefined) return
    for (const name of snapshots) if (!kept.includes(name)) disk.remove(name)
    const logs = filesOf(disk, 'log')
    for (const [index, name] of logs.entries()) {
      const next = logs[index + 1]
      if (next !== undefined && numberOf(next) <= numberOf(oldest) + 1) disk.remove(name)
    }
  }

  /** Gives up a snapshot that is under way. */
  stop(): void {
    this.#writer?.abandon()
    this.#writer = null
  }
}
