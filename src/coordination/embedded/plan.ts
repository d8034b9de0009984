// May this write be done? Checks a request against the state that all writes before it leave, the
// ones on their way to the disk included, in Apache ZooKeeper's order, so that of two faults the
// same one is answered (PrepRequestProcessor.java). Changes nothing.

import { errorCode } from '../../wire/jute/errors.ts'
import { createFlag, opcode, permission } from '../../wire/jute/opcodes.ts'
import { type Acl, fixedAcl, isAllowed, makeAcl, openAcl } from './acl.ts'
import { bytesOf, Sink } from './bytes.ts'
import type { Identity, Owner, TreeLimits } from './model.ts'
import { hasNul, lastSlash, pathProblem, sequenceSuffix } from './paths.ts'
import { isTtl, type WriteRequest } from './requests.ts'
import type { Session } from './sessions.ts'
import type { Tree } from './tree.ts'
import { nobody, nodeOverhead, Znode } from './znode.ts'

const ok = 0
const marshallingError = errorCode('marshalling-error')
const unimplemented = errorCode('unimplemented')
const badArguments = errorCode('bad-arguments')
const noNode = errorCode('no-node')
const noAuth = errorCode('no-auth')
const badVersion = errorCode('bad-version')
const noChildrenForEphemerals = errorCode('no-children-for-ephemerals')
const nodeExists = errorCode('node-exists')
const notEmpty = errorCode('not-empty')
const sessionExpired = errorCode('session-expired')
const invalidAcl = errorCode('invalid-acl')
const quotaExceeded = errorCode('quota-exceeded')

/** The longest time to live that a node may have: 40 bits of milliseconds (EphemeralType.java). */
const ttlMost = 2 ** 40 - 1

const isEphemeral = (flags: number): boolean =>
  flags === createFlag.ephemeral || flags === createFlag['ephemeral-sequential']
const isSequential = (flags: number): boolean =>
  flags === createFlag['persistent-sequential'] ||
  flags === createFlag['ephemeral-sequential'] ||
  flags === createFlag['ttl-sequential']

/** Who asks for a write. */
export interface Asker {
  readonly session: Session
  readonly who: readonly Identity[]
}

const nowhere = new Znode(bytesOf('/'), null)

/**
 * What a request comes to: an error, or what is needed to do it. One object is used for all
 * requests. After an error only `error` means anything.
 */
export class Plan {
  /** The node that is changed or deleted; for a `create`, its parent. */
  node: Znode = nowhere
  acl: Acl = openAcl
  owner: Owner = nobody
  /** The path of the node to make, its sequence number included. */
  bytes: Buffer = Buffer.alloc(0)
  pathStart = 0
  pathEnd = 0
  readonly #tree: Tree
  readonly #limits: TreeLimits
  readonly #scratch = new Sink(256)

  constructor(tree: Tree, limits: TreeLimits) {
    this.#tree = tree
    this.#limits = limits
  }

  /** Returns 0 if the request may be done. `pending` is what is staged besides, in bytes. */
  check(request: WriteRequest, asker: Asker, pending: number): number {
    switch (request.op) {
      case opcode.setData:
        return this.#setData(request, asker, pending)
      case opcode.delete:
        return this.#delete(request, asker)
      case opcode.setACL:
        return this.#setAcl(request, asker)
      case opcode.check:
        return this.#checkVersion(request, asker)
      default:
        return this.#create(request, asker, pending)
    }
  }

  /** Finds the node of a request that must name one with a valid path. */
  #find(request: WriteRequest): number {
    const { bytes, pathStart, pathEnd } = request
    if (pathStart < 0 || pathStart === pathEnd) return badArguments
    const node = this.#tree.index.find(bytes, pathStart, pathEnd)
    // Only valid paths have nodes, so only a path without one needs to be looked at.
    if (node === null) return pathProblem(request.path) === undefined ? noNode : badArguments
    this.node = node
    return ok
  }

  #setData(request: WriteRequest, asker: Asker, pending: number): number {
    if (asker.session.closing) return sessionExpired
    const error = this.#find(request)
    if (error === badArguments) return error
    if (error !== ok || !this.node.existsAhead) return noNode
    const { node } = this
    if (!isAllowed(node.aclAhead, permission.write, asker.who)) return noAuth
    const length = Math.max(0, request.dataEnd - request.dataStart)
    const grown = length - node.dataLengthAhead
    if (this.#isTooMuch(length, grown, pending)) return quotaExceeded
    if (this.#breaksQuota(node.path, grown, 0)) return quotaExceeded
    return isVersion(request.version, node.versionAhead) ? ok : badVersion
  }

  #setAcl(request: WriteRequest, asker: Asker): number {
    if (asker.session.closing) return sessionExpired
    const error = this.#find(request)
    if (error === badArguments) return error
    const wrong = this.#fixAcl(request, asker)
    if (wrong !== ok) return wrong
    if (error !== ok || !this.node.existsAhead) return noNode
    if (!isAllowed(this.node.aclAhead, permission.admin, asker.who)) return noAuth
    return isVersion(request.version, this.node.aversionAhead) ? ok : badVersion
  }

  #checkVersion(request: WriteRequest, asker: Asker): number {
    if (asker.session.closing) return sessionExpired
    const error = this.#find(request)
    if (error === badArguments) return error
    if (error !== ok || !this.node.existsAhead) return noNode
    if (!isAllowed(this.node.aclAhead, permission.read, asker.who)) return noAuth
    return isVersion(request.version, this.node.versionAhead) ? ok : badVersion
  }

  #delete(request: WriteRequest, asker: Asker): number {
    if (asker.session.closing) return sessionExpired
    const { bytes, pathStart, pathEnd } = request
    if (pathStart < 0) return marshallingError
    const slash = lastSlash(bytes, pathStart, pathEnd)
    if (slash < 0 || hasNul(bytes, pathStart, pathEnd)) return badArguments
    const node = this.#tree.index.find(bytes, pathStart, pathEnd)
    if (node !== null && this.#tree.isSystem(node)) return badArguments
    const parent = this.#tree.findAhead(bytes, pathStart, slash)
    if (!parent?.existsAhead) return noNode
    if (!isAllowed(parent.aclAhead, permission.delete, asker.who)) return noAuth
    if (!node?.existsAhead) return noNode
    if (!isVersion(request.version, node.versionAhead)) return badVersion
    if (node.childrenAhead > 0) return notEmpty
    this.node = node
    return ok
  }

  #create(request: WriteRequest, asker: Asker, pending: number): number {
    const { bytes, pathStart, pathEnd, flags } = request
    const error = this.#checkMode(request)
    if (error !== ok) return error
    if (asker.session.closing) return sessionExpired
    if (pathStart < 0) return marshallingError
    const slash = lastSlash(bytes, pathStart, pathEnd)
    if (slash < 0 || hasNul(bytes, pathStart, pathEnd)) return badArguments
    const wrong = this.#fixAcl(request, asker)
    if (wrong !== ok) return wrong
    const parent = this.#tree.findAhead(bytes, pathStart, slash)
    if (!parent?.existsAhead) return noNode
    if (!isAllowed(parent.aclAhead, permission.create, asker.who)) return noAuth
    this.#setPath(request, isSequential(flags) ? parent.createsAhead : undefined)
    const there = this.#tree.index.find(this.bytes, this.pathStart, this.pathEnd)
    if (there === null) {
      const path = this.bytes.toString('utf8', this.pathStart, this.pathEnd)
      if (pathProblem(path) !== undefined) return badArguments
    } else if (there.existsAhead) return nodeExists
    if (parent.ownerAhead.kind === 'session') return noChildrenForEphemerals
    this.node = parent
    this.#setOwner(request, asker.session)
    return this.#roomForNew(request, pending)
  }

  #roomForNew(request: WriteRequest, pending: number): number {
    const length = Math.max(0, request.dataEnd - request.dataStart)
    const path = this.bytes.subarray(this.pathStart, this.pathEnd)
    const grown = length + path.length + nodeOverhead + this.acl.bytes.length
    if (this.#isTooMuch(length, grown, pending)) return quotaExceeded
    return this.#breaksQuota(path, length, 1) ? quotaExceeded : ok
  }

  #checkMode({ op, flags, ttl }: WriteRequest): number {
    if (flags < createFlag.persistent || flags > createFlag['ttl-sequential']) return badArguments
    if (isTtl(flags) && !this.#limits.extendedTypes) return unimplemented
    // A time to live belongs to the one operation that makes nodes with one, and to no other.
    if (isTtl(flags) || op === opcode.createTTL) {
      const isFit = isTtl(flags) && op === opcode.createTTL && ttl > 0 && ttl <= ttlMost
      if (!isFit) return badArguments
    }
    return ok
  }

  #setOwner({ op, flags, ttl }: WriteRequest, session: Session): void {
    if (op === opcode.createContainer) this.owner = { kind: 'container' }
    else if (op === opcode.createTTL) this.owner = { kind: 'ttl', ttl }
    else this.owner = isEphemeral(flags) ? { kind: 'session', session: session.id } : nobody
  }

  #setPath({ bytes, pathStart, pathEnd }: WriteRequest, sequence: number | undefined): void {
    if (sequence === undefined) {
      this.bytes = bytes
      this.pathStart = pathStart
      this.pathEnd = pathEnd
      return
    }
    const to = this.#scratch
    to.clear()
    to.raw(bytes, pathStart, pathEnd)
    to.raw(bytesOf(sequenceSuffix(sequence)))
    this.bytes = to.bytes
    this.pathStart = 0
    this.pathEnd = to.length
  }

  #fixAcl({ acl }: WriteRequest, { who }: Asker): number {
    if (acl === 'open') {
      this.acl = openAcl
      return ok
    }
    const fixed = fixedAcl(acl, who)
    if (fixed === 'unreadable') return marshallingError
    if (fixed === undefined) return invalidAcl
    this.acl = makeAcl(fixed)
    return ok
  }

  /** `length`: of the node's data; `grown`: of the tree with all that it counts. */
  #isTooMuch(length: number, grown: number, pending: number): boolean {
    const { treeBytesMost, nodeBytesMost } = this.#limits
    if (length > nodeBytesMost) return true
    return grown > 0 && this.#tree.cost + pending + grown > treeBytesMost
  }

  /** Whether a client's own quota has no room for so many bytes of data and nodes more. */
  #breaksQuota(path: Buffer, bytes: number, nodes: number): boolean {
    return this.#limits.enforceQuota && this.#tree.quotas.exceeds(path, bytes, nodes)
  }
}

const isVersion = (asked: number, version: number): boolean => asked === -1 || asked === version
