// How is the whole state kept, so that the log need not be read from the start of time? Exact as
// of one transaction, although writes go on meanwhile: a node that is about to change is written
// down first, as it was.

import type { Acl } from './acl.ts'
import { Cursor, Sink } from './bytes.ts'
import type { Disk, DiskFile } from './disk.ts'
import { beginGroup, fileHeader, fileHeaderBytes, sealGroup } from './groups.ts'
import { putOwnerAndAcl, type State, takeOwnerAndAcl } from './transactions.ts'
import type { Znode } from './znode.ts'

/** The kinds of record in a snapshot: the first byte of each. */
const kept = { clock: 1, session: 2, node: 3, end: 4 } as const

/** A group is closed when its records take so many bytes. */
const groupBytes = 256 * 1024

/** The name of the snapshot that holds everything up to transaction `zxid`. */
export const snapshotName = (zxid: number): string =>
  `snapshot.${zxid.toString(16).padStart(16, '0')}`

/** Under this name a snapshot is written; it gets its own when it is whole and safe. */
const unfinishedName = 'snapshot.unfinished'

/** Fewer lists than this are not worth a walk over all nodes. */
const manyLists = 1000

let snapshotsStarted = 0

/** Writes a snapshot of a state a little at a time, while the state goes on. */
export class SnapshotWriter {
  readonly zxid: number
  readonly #state: State
  readonly #disk: Disk
  readonly #file: DiskFile
  readonly #salt: number
  readonly #mark: number
  readonly #sink = new Sink(groupBytes + 64 * 1024)
  readonly #nodes: readonly Znode[]
  readonly #used = new Set<Acl>()
  #next = 0
  #at = fileHeaderBytes
  #count = 0
  #group = 0
  #nodesKept = 0
  #isSyncing = false
  #isAbandoned = false

  /** Begins: the snapshot is of the state as it is now. Throws what the disk says. */
  constructor(state: State, disk: Disk, salt: number) {
    snapshotsStarted += 1
    this.#mark = snapshotsStarted
    this.#state = state
    this.#disk = disk
    this.#salt = salt
    this.zxid = state.tree.zxid
    this.#file = disk.create(unfinishedName)
    const header = fileHeader('snapshot', { number: this.zxid, salt })
    this.#file.write(header, header.length, 0)
    this.#nodes = [...state.tree.index]
    beginGroup(this.#sink)
    this.#keepSessions()
    state.tree.beforeChange = (node) => this.#keep(node)
  }

  /** The bytes written so far. */
  get length(): number {
    return this.#at
  }

  #keepSessions(): void {
    const { sessions } = this.#state
    this.#sink.byte(kept.clock)
    this.#sink.long(sessions.lastId)
    this.#count += 1
    for (const session of sessions) {
      this.#sink.byte(kept.session)
      this.#sink.long(session.id)
      this.#sink.int(session.timeoutMs)
      this.#sink.buffer(session.password)
      this.#count += 1
    }
  }

  #keep(node: Znode): void {
    if (node.snapshot === this.#mark) return
    node.snapshot = this.#mark
    const { body, acl } = node
    if (body === null) return
    this.#used.add(acl)
    this.#sink.byte(kept.node)
    this.#sink.buffer(node.path)
    this.#sink.int(node.creates)
    putOwnerAndAcl(this.#sink, node.owner, acl)
    this.#sink.buffer(body)
    this.#count += 1
    this.#nodesKept += 1
  }

  #flush(): void {
    if (this.#count === 0) return
    sealGroup(this.#sink, this.#count, this.#group, this.#salt)
    this.#file.write(this.#sink.bytes, this.#sink.length, this.#at)
    this.#at += this.#sink.length
    this.#group += 1
    this.#count = 0
    beginGroup(this.#sink)
  }

  /** Writes about `most` nodes more; false once there are none left. Throws what the disk says. */
  step(most: number): boolean {
    const last = Math.min(this.#nodes.length, this.#next + most)
    for (; this.#next < last; this.#next += 1) {
      this.#keep(this.#nodes[this.#next] as Znode)
      if (this.#sink.length >= groupBytes) this.#flush()
    }
    return this.#next < this.#nodes.length
  }

  /**
   * Closes the snapshot; `done` hears when it is safe under its name, or why it is not. It hears
   * nothing of one that is abandoned meanwhile.
   */
  finish(done: (error: Error | null) => void): void {
    this.#state.tree.beforeChange = null
    this.#sink.byte(kept.end)
    this.#sink.long(this.#nodesKept)
    this.#count += 1
    this.#flush()
    this.#isSyncing = true
    this.#file.sync((error) => {
      this.#isSyncing = false
      this.#file.close()
      if (this.#isAbandoned) return
      if (error !== null) return done(error)
      try {
        this.#disk.rename(unfinishedName, snapshotName(this.zxid))
        this.#disk.sync()
        this.#forgetLists()
      } catch (thrown) {
        return done(thrown as Error)
      }
      done(null)
    })
  }

  /** Forgets the access control lists that no node has any more. */
  #forgetLists(): void {
    const { acls } = this.#state.tree
    if (acls.size > manyLists) acls.keepOnly(new Set([...this.#used, ...aclsOf(this.#state)]))
  }

  /** Gives up, also while the disk is at the last of it. */
  abandon(): void {
    this.#isAbandoned = true
    this.#state.tree.beforeChange = null
    // The system has the file until the sync ends: its number must not be given out before.
    if (!this.#isSyncing) this.#file.close()
    this.#disk.remove(unfinishedName)
  }
}

/** The lists that nodes have now: some are newer than the snapshot. */
function* aclsOf(state: State): Generator<Acl> {
  for (const node of state.tree.index) {
    yield node.acl
    if (node.staged !== null) yield node.staged.acl
  }
}

/** A node as it lies in a snapshot. */
interface KeptNode {
  readonly pathStart: number
  readonly pathEnd: number
  readonly bytes: Buffer
  /** Where its other fields begin. */
  readonly at: number
  readonly limit: number
}

/** Reads the records of a snapshot's groups into an empty state. */
export class SnapshotReader {
  readonly #state: State
  readonly #now: number
  readonly #nodes: KeptNode[] = []
  readonly #from = new Cursor()
  /** How many nodes the end says there are; `undefined` until the end was read. */
  #promised: number | undefined

  constructor(state: State, now: number) {
    this.#state = state
    this.#now = now
  }

  /** Reads the records of one group; false if they are not what they should be. */
  group(bytes: Buffer, start: number, end: number): boolean {
    const from = this.#from.over(bytes, start, end)
    while (from.at < end && !from.bad) {
      const kind = from.byte()
      if (kind === kept.clock) this.#state.sessions.skipTo(from.long())
      else if (kind === kept.session) this.#session(from)
      else if (kind === kept.node) this.#node(from)
      else if (kind === kept.end) this.#promised = from.long()
      else return false
    }
    return !from.bad
  }

  #session(from: Cursor): void {
    const id = from.long()
    const timeoutMs = from.int()
    from.buffer()
    if (from.bad) return
    const password = from.bytes.subarray(from.start, from.end)
    this.#state.sessions.open(id, timeoutMs, password, this.#now)
  }

  #node(from: Cursor): void {
    from.buffer()
    const { start: pathStart, end: pathEnd, at } = from
    from.int()
    takeOwnerAndAcl(from, this.#state.tree)
    from.buffer()
    this.#nodes.push({ pathStart, pathEnd, bytes: from.bytes, at, limit: from.limit })
  }

  /** Puts the nodes into the tree; false if the snapshot has no end or not all of them. */
  finish(zxid: number): boolean {
    const { tree } = this.#state
    if (this.#promised !== this.#nodes.length) return false
    tree.clear()
    // A parent's path is shorter than its children's, and has to be there first.
    this.#nodes.sort((a, b) => a.pathEnd - a.pathStart - (b.pathEnd - b.pathStart))
    for (const { bytes, pathStart, pathEnd, at, limit } of this.#nodes) {
      const from = this.#from.over(bytes, at, limit)
      const place = tree.place(bytes.subarray(pathStart, pathEnd))
      place.creates = from.int()
      const { owner, acl } = takeOwnerAndAcl(from, tree)
      place.owner = owner
      place.acl = acl
      from.buffer()
      place.body = Buffer.from(bytes.subarray(from.start, from.end))
      tree.restore(place)
    }
    tree.zxid = zxid
    tree.quotas.rebuild()
    return tree.root.body !== null
  }
}
