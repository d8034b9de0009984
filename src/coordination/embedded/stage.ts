// What exactly will this write do? Writes a request that may be done down as a transaction, and
// lets the writes after it count with it before the disk has it. Pure: the caller brings the time.

import { errorCode } from '../../wire/jute/errors.ts'
import { opcode } from '../../wire/jute/opcodes.ts'
import type { Acl } from './acl.ts'
import type { Cursor, Sink } from './bytes.ts'
import type { TreeLimits } from './model.ts'
import { type Asker, Plan } from './plan.ts'
import { type MultiPart, WriteRequest } from './requests.ts'
import type { Session } from './sessions.ts'
import { beginTxn, endTxn, putOwnerAndAcl, type State, txn } from './transactions.ts'
import { nodeOverhead, type Staged, statBytes, type Znode } from './znode.ts'

const marshallingError = errorCode('marshalling-error')
const runtimeInconsistency = errorCode('runtime-inconsistency')

/** A session as it is made. */
export interface NewSession {
  readonly id: number
  readonly timeoutMs: number
  readonly password: Buffer
}

/** What a multi under way has changed, to be taken back if one of its parts may not be done. */
interface Undo {
  readonly nodes: { readonly node: Znode; readonly before: Staged | null }[]
  /** The lists that nothing used before it. */
  readonly acls: Acl[]
}

/** Turns requests into transactions, one after the other. */
export class Stager {
  /** Where transactions are written: the batch that goes to the disk next. */
  log: Sink
  /** The transaction that was staged last. */
  zxid: number
  /** What everything that was ever staged may cost the tree; see `Znode.cost`. */
  stagedCost = 0
  #committedCost = 0
  readonly #state: State
  readonly #plan: Plan
  readonly #request = new WriteRequest()
  /** The nodes that each session is about to own. */
  readonly #newlyOwned = new Map<number, Set<Znode>>()
  #undo: Undo | null = null

  constructor(state: State, limits: TreeLimits, log: Sink) {
    this.#state = state
    this.#plan = new Plan(state.tree, limits)
    this.log = log
    this.zxid = state.tree.zxid
  }

  /** What is staged and not committed may cost so much: it counts as if it were in the tree. */
  get pendingCost(): number {
    return this.stagedCost - this.#committedCost
  }

  /** Stages one request; returns 0, or the error to answer with, and then nothing is staged. */
  write(op: number, from: Cursor, asker: Asker, time: number): number {
    const request = this.#request
    if (!request.read(from, op)) return marshallingError
    const error = this.#plan.check(request, asker, this.pendingCost)
    if (error !== 0) return error
    if (op === opcode.check) return 0
    const at = beginTxn(this.log, kindOf(op), time)
    this.#carryOut(request, this.zxid + 1)
    this.#end(at)
    return 0
  }

  /**
   * Stages the parts of a multi as one transaction. Returns 0 when all of them may be done; else
   * one error for each, 0 for those before the one that failed, or one error for all.
   */
  multi(
    parts: readonly MultiPart[],
    from: Cursor,
    asker: Asker,
    time: number,
  ): readonly number[] | number {
    const at = beginTxn(this.log, txn.multi, time)
    const { stagedCost } = this
    this.log.int(parts.length)
    const undo: Undo = { nodes: [], acls: [] }
    this.#undo = undo
    for (const [index, part] of parts.entries()) {
      const error = this.#checkPart(part, from, asker)
      if (error !== 0) {
        this.#takeBack(undo)
        this.#undo = null
        this.log.length = at
        this.stagedCost = stagedCost
        return error === marshallingError ? error : errorsOf(parts.length, index, error)
      }
      this.log.byte(part.op)
      this.log.byte(kindOf(part.op))
      this.#carryOut(this.#request, this.zxid + 1)
    }
    this.#undo = null
    this.#end(at)
    return 0
  }

  #checkPart(part: MultiPart, from: Cursor, asker: Asker): number {
    from.at = part.at
    const isReadable = part.op !== opcode.error && this.#request.read(from, part.op)
    return isReadable ? this.#plan.check(this.#request, asker, this.pendingCost) : marshallingError
  }

  #takeBack({ nodes, acls }: Undo): void {
    for (const { node, before } of nodes.toReversed()) {
      node.staged = before
      this.#state.tree.dropIfEmpty(node)
    }
    for (const acl of acls) this.#state.tree.acls.forget(acl)
  }

  /** The list of the plan, as the one object that stands for all equal ones. */
  #intern(): Acl {
    const { acls } = this.#state.tree
    const { size } = acls
    const acl = acls.intern(this.#plan.acl)
    if (acls.size > size) this.#undo?.acls.push(acl)
    return acl
  }

  #end(at: number): void {
    endTxn(this.log, at)
    this.stagedCost += this.log.length - at
    this.zxid += 1
  }

  #touch(node: Znode, zxid: number): Staged {
    this.#undo?.nodes.push({ node, before: node.staged === null ? null : { ...node.staged } })
    return node.stage(zxid)
  }

  /** Writes down what the plan holds, and counts with it from now on. */
  #carryOut(request: WriteRequest, zxid: number): void {
    const { node } = this.#plan
    switch (request.op) {
      case opcode.check:
        break
      case opcode.setData: {
        const staged = this.#touch(node, zxid)
        staged.version = (staged.version + 1) | 0
        staged.dataLength = Math.max(0, request.dataEnd - request.dataStart)
        this.log.buffer(node.path)
        this.log.buffer(request.bytes, request.dataStart, request.dataEnd)
        break
      }
      case opcode.setACL: {
        const staged = this.#touch(node, zxid)
        staged.aversion = (staged.aversion + 1) | 0
        staged.acl = this.#intern()
        this.log.buffer(node.path)
        this.log.raw(this.#plan.acl.bytes)
        break
      }
      case opcode.delete:
        this.#remove(node, zxid)
        break
      default:
        this.#create(request, zxid)
    }
  }

  #remove(node: Znode, zxid: number): void {
    this.#touch(node, zxid).exists = false
    if (node.parent !== null) this.#touch(node.parent, zxid).children -= 1
    this.log.buffer(node.path)
  }

  #create(request: WriteRequest, zxid: number): void {
    const { node: parent, bytes, pathStart, pathEnd, owner } = this.#plan
    const acl = this.#intern()
    const place = this.#state.tree.place(bytes.subarray(pathStart, pathEnd))
    const staged = this.#touch(place, zxid)
    staged.exists = true
    staged.version = 0
    staged.creates = 0
    staged.aversion = 0
    staged.children = 0
    staged.acl = acl
    staged.owner = owner
    staged.dataLength = Math.max(0, request.dataEnd - request.dataStart)
    const above = this.#touch(parent, zxid)
    above.creates = (above.creates + 1) | 0
    above.children += 1
    if (owner.kind === 'session') this.#willOwn(owner.session, place)
    // Path and data are counted by their bytes in the log.
    this.stagedCost += nodeOverhead + statBytes + acl.bytes.length
    this.log.buffer(place.path)
    this.log.buffer(request.bytes, request.dataStart, request.dataEnd)
    putOwnerAndAcl(this.log, owner, acl)
  }

  #willOwn(session: number, place: Znode): void {
    const owned = this.#newlyOwned.get(session)
    if (owned === undefined) {
      this.#newlyOwned.set(session, new Set([place]))
      return
    }
    owned.add(place)
    // Those that are committed by now are among the tree's own.
    if (owned.size % 256 === 0) {
      for (const node of owned) if (node.staged === null) owned.delete(node)
    }
  }

  openSession(session: NewSession, time: number): void {
    const at = beginTxn(this.log, txn.createSession, time)
    this.log.long(session.id)
    this.log.int(session.timeoutMs)
    this.log.buffer(session.password)
    this.#end(at)
  }

  /** Ends a session: from now on it may write nothing, and its nodes are on their way out. */
  closeSession(session: Session, time: number): void {
    session.closing = true
    const at = beginTxn(this.log, txn.closeSession, time)
    this.log.long(session.id)
    const zxid = this.zxid + 1
    const owned = [
      ...(this.#state.tree.ephemerals.get(session.id) ?? []),
      ...(this.#newlyOwned.get(session.id) ?? []),
    ]
    this.#newlyOwned.delete(session.id)
    for (const node of new Set(owned)) {
      const { ownerAhead } = node
      const isOwn = ownerAhead.kind === 'session' && ownerAhead.session === session.id
      if (!node.existsAhead || !isOwn) continue
      node.stage(zxid).exists = false
      if (node.parent !== null) node.parent.stage(zxid).children -= 1
    }
    this.#end(at)
  }

  /** Stages the end of a container or of a node whose time is over, if that still holds. */
  removeOverdue(node: Znode, time: number): boolean {
    if (!node.existsAhead || node.childrenAhead > 0) return false
    if (node.ownerAhead.kind !== 'container' && node.ownerAhead.kind !== 'ttl') return false
    const at = beginTxn(this.log, txn.delete, time)
    this.#remove(node, this.zxid + 1)
    this.#end(at)
    return true
  }

  /** What was staged when `stagedCost` was `cost`, and before, is committed. */
  committed(cost: number): void {
    this.#committedCost = cost
  }
}

/** The errors of a multi of so many parts, of which one failed. */
const errorsOf = (count: number, failed: number, error: number): readonly number[] =>
  Array.from({ length: count }, (_, index) =>
    index < failed ? 0 : index === failed ? error : runtimeInconsistency,
  )

function kindOf(op: number): number {
  if (op === opcode.setData) return txn.setData
  if (op === opcode.delete) return txn.delete
  if (op === opcode.setACL) return txn.setAcl
  return op === opcode.check ? txn.check : txn.create
}
