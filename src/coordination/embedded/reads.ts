// What does a request see that changes nothing? Answers from the bytes that the nodes keep ready,
// with the errors that Apache ZooKeeper gives (FinalRequestProcessor.java).

import { errorCode } from '../../wire/jute/errors.ts'
import { eventType, opcode, permission, watcherType } from '../../wire/jute/opcodes.ts'
import { isAllowed } from './acl.ts'
import { bytesOf, type Cursor, putInt, Sink } from './bytes.ts'
import { hasNul } from './paths.ts'
import { readMulti } from './requests.ts'
import type { Session } from './sessions.ts'
import { putEnd, putStat } from './transactions.ts'
import type { Tree } from './tree.ts'
import { eventFrame, type Watcher, watchMode } from './watches.ts'
import type { Znode } from './znode.ts'

const ok = 0
const marshallingError = errorCode('marshalling-error')
const badArguments = errorCode('bad-arguments')
const noNode = errorCode('no-node')
const noAuth = errorCode('no-auth')
const noWatcher = errorCode('no-watcher')
const quotaExceeded = errorCode('quota-exceeded')
const reconfigDisabled = errorCode('reconfig-disabled')

/** Who asks. */
export interface ReadAsker extends Watcher {
  readonly session: Session | null
}

/** The vector of a node's names, kept until a child comes or goes. */
function namesOf(node: Znode): Buffer {
  if (node.names !== null) return node.names
  const children = node.children ?? new Set<Znode>()
  const sink = new Sink(4 + children.size * 16)
  sink.int(children.size)
  for (const child of children) sink.buffer(child.path, child.nameAt, child.path.length)
  node.names = Buffer.from(sink.bytes.subarray(0, sink.length))
  return node.names
}

const inMultiRead: ReadonlySet<number> = new Set([opcode.getData, opcode.getChildren])

function skipRead(from: Cursor, op: number): number | undefined {
  from.buffer()
  from.byte()
  return from.bad ? undefined : op
}

/** Answers the requests that read. */
export class Reads {
  readonly #tree: Tree
  readonly #watchBytesMost: number

  /** `watchBytesMost`: what all watches may take together. */
  constructor(tree: Tree, watchBytesMost: number) {
    this.#tree = tree
    this.#watchBytesMost = watchBytesMost
  }

  /** Answers a request of type `op`: writes the body of the answer, and returns 0 or the error. */
  answer(op: number, from: Cursor, asker: ReadAsker, to: Sink): number {
    switch (op) {
      case opcode.getData:
        return this.#getData(from, asker, to)
      case opcode.exists:
        return this.#exists(from, asker, to)
      case opcode.getChildren:
        return this.#getChildren(from, asker, to, false)
      case opcode.getChildren2:
        return this.#getChildren(from, asker, to, true)
      case opcode.getACL:
        return this.#getAcl(from, asker, to)
      case opcode.sync:
        return this.#sync(from, to)
      case opcode.multiRead:
        return this.#multiRead(from, asker, to)
      case opcode.getAllChildrenNumber:
        return this.#getAllChildrenNumber(from, asker, to)
      case opcode.getEphemerals:
        return this.#getEphemerals(from, asker, to)
      case opcode.whoAmI:
        return this.#whoAmI(asker, to)
      case opcode.setWatches:
      case opcode.setWatches2:
        return this.#setWatches(from, asker, op === opcode.setWatches2)
      case opcode.addWatch:
        return this.#addWatch(from, asker, to)
      case opcode.checkWatches:
      case opcode.removeWatches:
        return this.#watches(from, asker, op === opcode.removeWatches)
      default:
        return reconfigDisabled
    }
  }

  #getData(from: Cursor, asker: ReadAsker, to: Sink): number {
    from.buffer()
    const { bytes, start, end } = from
    const isWatched = from.byte() !== 0
    if (from.bad || start < 0) return marshallingError
    const node = this.#tree.find(bytes, start, end)
    if (node === null || node.body === null) return noNode
    if (!isAllowed(node.acl, permission.read, asker.who)) return noAuth
    if (isWatched && !this.#watch('data', bytes, start, end, asker)) return quotaExceeded
    to.raw(node.body)
    return ok
  }

  /** Leaves a watch; false if there are too many. */
  #watch(
    table: 'data' | 'children',
    bytes: Buffer,
    start: number,
    end: number,
    asker: ReadAsker,
  ): boolean {
    if (!this.#hasRoom) return false
    this.#tree.watches.add(table, bytes.subarray(start, end), asker, watchMode.once)
    return true
  }

  /** Whether there may be more watches. */
  get #hasRoom(): boolean {
    return this.#tree.watches.cost < this.#watchBytesMost
  }

  #exists(from: Cursor, asker: ReadAsker, to: Sink): number {
    from.buffer()
    const { bytes, start, end } = from
    const isWatched = from.byte() !== 0
    if (from.bad || start < 0) return marshallingError
    if (hasNul(bytes, start, end)) return badArguments
    if (isWatched && !this.#watch('data', bytes, start, end, asker)) return quotaExceeded
    const node = this.#tree.find(bytes, start, end)
    if (node === null) return noNode
    putStat(to, node)
    return ok
  }

  #getChildren(from: Cursor, asker: ReadAsker, to: Sink, withStat: boolean): number {
    from.buffer()
    const { bytes, start, end } = from
    const isWatched = from.byte() !== 0
    if (from.bad || start < 0) return marshallingError
    const node = this.#tree.find(bytes, start, end)
    if (node === null) return noNode
    if (!isAllowed(node.acl, permission.read, asker.who)) return noAuth
    if (isWatched && !this.#watch('children', bytes, start, end, asker)) return quotaExceeded
    to.raw(namesOf(node))
    if (withStat) putStat(to, node)
    return ok
  }

  /** Finds the node of a request that holds nothing but a path. */
  #find(from: Cursor): Znode | number {
    from.buffer()
    if (from.bad || from.start < 0) return marshallingError
    return this.#tree.find(from.bytes, from.start, from.end) ?? noNode
  }

  #getAcl(from: Cursor, asker: ReadAsker, to: Sink): number {
    const node = this.#find(from)
    if (typeof node === 'number') return node
    const { entries, bytes } = node.acl
    if (!isAllowed(node.acl, permission.read | permission.admin, asker.who)) return noAuth
    if (isAllowed(node.acl, permission.admin, asker.who)) to.raw(bytes)
    else {
      // Who may only read does not see the digests: they could be guessed at leisure.
      to.int(entries.length)
      for (const { perms, scheme, id } of entries) {
        to.int(perms)
        to.text(scheme)
        to.text(scheme === 'digest' ? id.replace(/:.*/s, ':x') : id)
      }
    }
    putStat(to, node)
    return ok
  }

  #sync(from: Cursor, to: Sink): number {
    from.buffer()
    if (from.bad) return marshallingError
    to.buffer(from.bytes, from.start, from.end)
    return ok
  }

  #multiRead(from: Cursor, asker: ReadAsker, to: Sink): number {
    const parts = readMulti(from, inMultiRead, skipRead)
    if (parts === undefined) return marshallingError
    for (const { op, at } of parts) {
      const header = to.room(9)
      from.at = at
      const error = this.answer(op, from, asker, to)
      const type = error === ok ? op : opcode.error
      putInt(to.bytes, header, type)
      to.bytes[header + 4] = 0
      putInt(to.bytes, header + 5, error)
      if (error !== ok) to.int(error)
    }
    putEnd(to)
    return ok
  }

  #getAllChildrenNumber(from: Cursor, asker: ReadAsker, to: Sink): number {
    const node = this.#find(from)
    if (typeof node === 'number') return node
    if (!isAllowed(node.acl, permission.read, asker.who)) return noAuth
    to.int(this.#tree.countBelow(node))
    return ok
  }

  #getEphemerals(from: Cursor, asker: ReadAsker, to: Sink): number {
    const prefix = from.text()?.trim() ?? ''
    if (from.bad) return marshallingError
    const owned = asker.session === null ? undefined : this.#tree.ephemerals.get(asker.session.id)
    const paths = [...(owned ?? [])].map((node) => node.path.toString())
    const wanted = paths.filter((path) => prefix === '/' || path.startsWith(prefix))
    to.int(wanted.length)
    for (const path of wanted) to.text(path)
    return ok
  }

  #whoAmI(asker: ReadAsker, to: Sink): number {
    to.int(asker.who.length)
    for (const { scheme, id } of asker.who) {
      to.text(scheme)
      to.text(scheme === 'digest' ? (id.split(':', 1)[0] ?? '') : id)
    }
    return ok
  }

  /** Takes up watches of an earlier connection; what has happened meanwhile is told at once. */
  #setWatches(from: Cursor, asker: ReadAsker, hasPersistent: boolean): number {
    const seen = from.long()
    const lists = [takePaths(from), takePaths(from), takePaths(from)] as const
    const persistent = hasPersistent ? takePaths(from) : []
    const recursive = hasPersistent ? takePaths(from) : []
    if (from.bad) return marshallingError
    if (!this.#hasRoom) return quotaExceeded
    const { watches } = this.#tree
    for (const path of lists[0]) {
      const node = this.#tree.find(path, 0, path.length)
      if (node === null) asker.notify(eventFrame(eventType.deleted, path))
      else if (node.mzxid > seen) asker.notify(eventFrame(eventType.dataChanged, path))
      else watches.add('data', path, asker, watchMode.once)
    }
    for (const path of lists[1]) {
      const node = this.#tree.find(path, 0, path.length)
      if (node !== null) asker.notify(eventFrame(eventType.created, path))
      else watches.add('data', path, asker, watchMode.once)
    }
    for (const path of lists[2]) {
      const node = this.#tree.find(path, 0, path.length)
      if (node === null) asker.notify(eventFrame(eventType.deleted, path))
      else if (node.pzxid > seen) asker.notify(eventFrame(eventType.childrenChanged, path))
      else watches.add('children', path, asker, watchMode.once)
    }
    for (const path of persistent) this.#persist(path, asker, watchMode.persistent)
    for (const path of recursive) this.#persist(path, asker, watchMode.recursive)
    return ok
  }

  #persist(path: Buffer, asker: ReadAsker, mode: number): void {
    this.#tree.watches.add('children', path, asker, mode)
    this.#tree.watches.add('data', path, asker, mode)
  }

  #addWatch(from: Cursor, asker: ReadAsker, to: Sink): number {
    const path = from.text() ?? ''
    const mode = from.int()
    if (from.bad || mode < 0 || mode > 1) return marshallingError
    if (!this.#hasRoom) return quotaExceeded
    const bytes = bytesOf(path)
    this.#persist(bytes, asker, mode === 0 ? watchMode.persistent : watchMode.recursive)
    to.int(0)
    return ok
  }

  #watches(from: Cursor, asker: ReadAsker, isRemoval: boolean): number {
    const path = from.text() ?? ''
    const type = from.int()
    if (from.bad || type < watcherType.children || type > watcherType.any) return marshallingError
    const { watches } = this.#tree
    const bytes = bytesOf(path)
    const has = (table: 'data' | 'children'): boolean =>
      isRemoval ? watches.remove(table, bytes, asker) : watches.has(table, bytes, asker)
    const isInChildren = type !== watcherType.data && has('children')
    const isInData = type !== watcherType.children && has('data')
    return isInChildren || isInData ? ok : noWatcher
  }
}

/** Reads a vector of paths; its bytes outlive the frame. */
function takePaths(from: Cursor): readonly Buffer[] {
  const count = from.int()
  if (count < 0) from.fail()
  const paths: Buffer[] = []
  for (let index = 0; index < count && !from.bad; index += 1) {
    const path = from.text()
    if (path !== null) paths.push(bytesOf(path))
  }
  return paths
}
