// What does a write become on the disk, and what does it do when it is carried out? The same bytes
// and the same code for a new write and for one that is replayed: what is applied is what was
// logged. Pure.

import { opcode } from '../../wire/jute/opcodes.ts'
import { type Acl, makeAcl, openAcl, readAclEntries } from './acl.ts'
import { Cursor, type Sink } from './bytes.ts'
import type { AclEntry, Owner, SessionLimits } from './model.ts'
import { type Session, Sessions } from './sessions.ts'
import { Tree } from './tree.ts'
import { nobody, statBytes, type Znode } from './znode.ts'

/** The kinds of transaction: the first byte of each. */
export const txn = {
  create: 1,
  delete: 2,
  setData: 3,
  setAcl: 4,
  createSession: 5,
  closeSession: 6,
  multi: 7,
  /** Only in a multi: nothing is changed, but it has its place among the results. */
  check: 8,
} as const

const ownerKinds = ['nobody', 'session', 'container', 'ttl'] as const
const openBit = 4

/** Begins a transaction: its length is written by `endTxn`. Returns where it began. */
export function beginTxn(to: Sink, kind: number, time: number): number {
  const at = to.length
  to.int(0)
  to.byte(kind)
  to.long(time)
  return at
}

/** Writes the length of the transaction that began at `at`. */
export function endTxn(to: Sink, at: number): void {
  const { length } = to
  to.length = at
  to.int(length - at - 4)
  to.length = length
}

/** Writes what a `create` transaction holds behind its path and data. */
export function putOwnerAndAcl(to: Sink, owner: Owner, acl: Acl): void {
  to.byte(ownerKinds.indexOf(owner.kind) | (acl === openAcl ? openBit : 0))
  if (owner.kind === 'session') to.long(owner.session)
  else if (owner.kind === 'ttl') to.long(owner.ttl)
  if (acl !== openAcl) to.raw(acl.bytes)
}

/** Reads an owner and a list as `putOwnerAndAcl` wrote them. */
export function takeOwnerAndAcl(from: Cursor, tree: Tree): { owner: Owner; acl: Acl } {
  const flags = from.byte()
  const kind = ownerKinds[flags & 3] ?? 'nobody'
  let owner: Owner = nobody
  if (kind === 'session') owner = { kind, session: from.long() }
  else if (kind === 'ttl') owner = { kind, ttl: from.long() }
  else if (kind === 'container') owner = { kind }
  return { owner, acl: (flags & openBit) === 0 ? takeAcl(from, tree) : openAcl }
}

const takeAcl = (from: Cursor, tree: Tree): Acl =>
  tree.acls.intern(makeAcl(readAclEntries(from) as readonly AclEntry[]))

/** Everything that the log and the snapshots keep: the tree and the sessions. */
export class State {
  readonly tree = new Tree()
  readonly sessions: Sessions
  /** The session that the last transaction made. */
  opened: Session | undefined
  /** A transaction was cut short, or about a node that is not there: it was not made here. */
  missed = false
  #from = new Cursor()

  constructor(limits: SessionLimits, now: number) {
    this.sessions = new Sessions(limits, now)
  }

  /**
   * Carries out the transaction at `at`, which becomes number `zxid`; returns the node that it was
   * about. `results` takes the results of a multi. `now` is when sessions were heard last.
   */
  apply(bytes: Buffer, at: number, end: number, now: number, results: Sink): Znode | null {
    const from = this.#from.over(bytes, at, end)
    const zxid = this.tree.zxid + 1
    const kind = from.byte()
    const time = from.long()
    const node = this.#applyOne(from, kind, zxid, time, now, results)
    if (from.bad || from.at !== end) this.missed = true
    this.tree.zxid = zxid
    return node
  }

  #applyOne(
    from: Cursor,
    kind: number,
    zxid: number,
    time: number,
    now: number,
    results: Sink,
  ): Znode | null {
    switch (kind) {
      case txn.create:
        return this.#create(from, zxid, time)
      case txn.delete:
        return this.#delete(from, zxid)
      case txn.setData:
        return this.#setData(from, zxid, time)
      case txn.setAcl:
        return this.#setAcl(from, zxid)
      case txn.createSession:
        return this.#createSession(from, now)
      case txn.closeSession:
        return this.#closeSession(from, zxid)
      case txn.multi:
        return this.#multi(from, zxid, time, now, results)
      case txn.check:
        return null
      default:
        this.missed = true
        return null
    }
  }

  #create(from: Cursor, zxid: number, time: number): Znode {
    const { tree } = this
    from.buffer()
    const { start: pathStart, end: pathEnd } = from
    if (from.bad || this.tree.parentAhead(from.bytes, pathStart, pathEnd) === null)
      this.missed = true
    const place =
      tree.index.find(from.bytes, pathStart, pathEnd) ??
      tree.place(from.bytes.subarray(pathStart, pathEnd))
    from.buffer()
    const { start, end } = from
    const { owner, acl } = takeOwnerAndAcl(from, tree)
    tree.create(place, from.bytes, start, end, acl, owner, zxid, time)
    return place
  }

  #node(from: Cursor): Znode | null {
    from.buffer()
    const node = this.tree.find(from.bytes, from.start, from.end)
    if (node === null) this.missed = true
    return node
  }

  #delete(from: Cursor, zxid: number): Znode | null {
    const node = this.#node(from)
    if (node !== null) this.tree.remove(node, zxid)
    return node
  }

  #setData(from: Cursor, zxid: number, time: number): Znode | null {
    const node = this.#node(from)
    from.buffer()
    if (node !== null) this.tree.setData(node, from.bytes, from.start, from.end, zxid, time)
    return node
  }

  #setAcl(from: Cursor, zxid: number): Znode | null {
    const node = this.#node(from)
    const acl = takeAcl(from, this.tree)
    if (node !== null) this.tree.setAcl(node, acl, zxid)
    return node
  }

  #createSession(from: Cursor, now: number): null {
    const id = from.long()
    const timeoutMs = from.int()
    from.buffer()
    this.opened = this.sessions.open(id, timeoutMs, from.bytes.subarray(from.start, from.end), now)
    return null
  }

  #closeSession(from: Cursor, zxid: number): null {
    const id = from.long()
    this.sessions.close(id)
    const owned = this.tree.ephemerals.get(id)
    if (owned !== undefined) for (const node of [...owned]) this.tree.remove(node, zxid)
    return null
  }

  #multi(from: Cursor, zxid: number, time: number, now: number, results: Sink): null {
    const count = from.int()
    for (let index = 0; index < count; index += 1) {
      const op = from.byte()
      const node = this.#applyOne(from, from.byte(), zxid, time, now, results)
      putResult(results, op, node)
    }
    putEnd(results)
    return null
  }
}

/** Writes what one operation of a multi came to (MultiResponse.java). */
function putResult(to: Sink, op: number, node: Znode | null): void {
  const hasStat = op === opcode.createTTL || op === opcode.createContainer
  to.int(hasStat ? opcode.create2 : op)
  to.byte(0)
  to.int(0)
  if (node === null) return
  if (hasStat || op === opcode.create) to.buffer(node.path)
  if (hasStat || op === opcode.setData) putStat(to, node)
}

/** Writes the results of a multi that came to nothing: one error for each operation. */
export function putFailures(to: Sink, errors: readonly number[]): void {
  for (const error of errors) {
    to.int(opcode.error)
    to.byte(0)
    to.int(error)
    to.int(error)
  }
  putEnd(to)
}

/** Closes the results of a multi. */
export function putEnd(to: Sink): void {
  to.int(-1)
  to.byte(1)
  to.int(-1)
}

/** Writes a node's stat. */
export function putStat(to: Sink, node: Znode): void {
  if (node.body !== null) to.raw(node.body, node.body.length - statBytes, node.body.length)
}
