// What is one node? Two views of it: what readers see, which is what the disk has, kept as the very
// bytes that answer a read; and what the next write must count with, which runs ahead of the disk.

import { type Acl, openAcl } from './acl.ts'
import { copyBytes, getInt, getLong, hashBytes, putInt, putLong } from './bytes.ts'
import type { Owner } from './model.ts'
import type { Indexed } from './path-index.ts'
import { lastSlash } from './paths.ts'

/** The bytes of jute's Stat, and where its fields are. */
export const statBytes = 68
const field = {
  czxid: 0,
  mzxid: 8,
  ctime: 16,
  mtime: 24,
  version: 32,
  cversion: 36,
  aversion: 40,
  ephemeralOwner: 44,
  dataLength: 52,
  numChildren: 56,
  pzxid: 60,
} as const

export const nobody: Owner = { kind: 'nobody' }

/** What the tree counts for a node on top of its path, data and list: the objects around them. */
export const nodeOverhead = 400

/** A node as the writes that are on their way to the disk leave it. */
export interface Staged {
  exists: boolean
  version: number
  /** How many children were ever made: the number of the next sequential child. */
  creates: number
  aversion: number
  children: number
  acl: Acl
  owner: Owner
  dataLength: number
  /** The transaction that touched it last: when that is committed, there is nothing staged. */
  zxid: number
}

/** A node of the tree, or the place of one that is on its way to the disk. */
export class Znode implements Indexed<Znode> {
  readonly path: Buffer
  readonly hash: number
  next: Znode | null = null
  readonly parent: Znode | null
  /** Where the node's own name begins in its path. */
  readonly nameAt: number
  /**
   * The answer to `getData`: length, data, stat. `null`: readers do not see this node.
   */
  body: Buffer | null = null
  acl: Acl = openAcl
  owner: Owner = nobody
  /** How many children were ever made, among them those that are gone. */
  creates = 0
  children: Set<Znode> | null = null
  /** The vector of names that answers `getChildren`, until a child comes or goes. */
  names: Buffer | null = null
  staged: Staged | null = null
  /** The snapshot that has this node already; see `snapshot.ts`. */
  snapshot = 0

  constructor(path: Buffer, parent: Znode | null) {
    this.path = path
    this.hash = hashBytes(path, 0, path.length)
    this.parent = parent
    this.nameAt = lastSlash(path, 0, path.length) + 1
  }

  /** The data's length as jute writes it: -1 for a null. */
  get dataLength(): number {
    return this.body === null ? 0 : getInt(this.body, 0)
  }

  /** Where the stat begins in `body`. */
  get statAt(): number {
    return this.body === null ? 0 : this.body.length - statBytes
  }

  get childCount(): number {
    return this.children?.size ?? 0
  }

  get version(): number {
    return this.#int(field.version)
  }

  get aversion(): number {
    return this.#int(field.aversion)
  }

  get mtime(): number {
    return this.#long(field.mtime)
  }

  get mzxid(): number {
    return this.#long(field.mzxid)
  }

  get czxid(): number {
    return this.#long(field.czxid)
  }

  get pzxid(): number {
    return this.#long(field.pzxid)
  }

  get ctime(): number {
    return this.#long(field.ctime)
  }

  set version(value: number) {
    this.#setInt(field.version, value)
  }

  set aversion(value: number) {
    this.#setInt(field.aversion, value)
  }

  set pzxid(value: number) {
    if (this.body !== null) putLong(this.body, this.statAt + field.pzxid, value)
  }

  /** What the tree counts for this node. */
  get cost(): number {
    return nodeOverhead + this.path.length + (this.body?.length ?? 0) + this.acl.bytes.length
  }

  #int(at: number): number {
    return this.body === null ? 0 : getInt(this.body, this.statAt + at)
  }

  #long(at: number): number {
    return this.body === null ? 0 : getLong(this.body, this.statAt + at)
  }

  #setInt(at: number, value: number): void {
    if (this.body !== null) putInt(this.body, this.statAt + at, value)
  }

  /** Makes the node visible, as it is made by transaction `zxid`. */
  appear(from: Buffer, start: number, end: number, zxid: number, time: number): void {
    const length = start < 0 ? 0 : end - start
    const body = Buffer.allocUnsafe(4 + length + statBytes)
    putInt(body, 0, start < 0 ? -1 : length)
    const at = copyBytes(from, Math.max(start, 0), Math.max(start, 0) + length, body, 4)
    body.fill(0, at)
    this.body = body
    putLong(body, at + field.czxid, zxid)
    putLong(body, at + field.mzxid, zxid)
    putLong(body, at + field.ctime, time)
    putLong(body, at + field.mtime, time)
    putLong(body, at + field.pzxid, zxid)
    putInt(body, at + field.dataLength, length)
    if (this.owner.kind === 'session') putLong(body, at + field.ephemeralOwner, this.owner.session)
  }

  /** Gives the node other data; in place when they are as long as the old. */
  replaceData(from: Buffer, start: number, end: number): void {
    const old = this.body
    if (old === null) return
    const length = start < 0 ? 0 : end - start
    const oldAt = old.length - statBytes
    const body = oldAt === 4 + length ? old : Buffer.allocUnsafe(4 + length + statBytes)
    if (body !== old) copyBytes(old, oldAt, old.length, body, 4 + length)
    putInt(body, 0, start < 0 ? -1 : length)
    if (start >= 0) copyBytes(from, start, end, body, 4)
    putInt(body, 4 + length + field.dataLength, length)
    this.body = body
  }

  /** Notes that transaction `zxid` wrote the data. */
  stampWrite(version: number, zxid: number, time: number): void {
    const { body } = this
    if (body === null) return
    const at = body.length - statBytes
    putInt(body, at + field.version, version)
    putLong(body, at + field.mzxid, zxid)
    putLong(body, at + field.mtime, time)
  }

  /** Notes that a child came or went with transaction `zxid`. */
  stampChildren(zxid: number): void {
    this.names = null
    const { body } = this
    if (body === null) return
    const at = body.length - statBytes
    const count = this.childCount
    // Clients are shown how often children changed: every creation, and every deletion so far.
    putInt(body, at + field.cversion, (this.creates * 2 - count) | 0)
    putInt(body, at + field.numChildren, count)
    if (zxid > getLong(body, at + field.pzxid)) putLong(body, at + field.pzxid, zxid)
  }

  /** Whether the node is there for the next write. */
  get existsAhead(): boolean {
    return this.staged === null ? this.body !== null : this.staged.exists
  }

  get versionAhead(): number {
    return this.staged === null ? this.version : this.staged.version
  }

  get aversionAhead(): number {
    return this.staged === null ? this.aversion : this.staged.aversion
  }

  get createsAhead(): number {
    return this.staged === null ? this.creates : this.staged.creates
  }

  get childrenAhead(): number {
    return this.staged === null ? this.childCount : this.staged.children
  }

  get aclAhead(): Acl {
    return this.staged === null ? this.acl : this.staged.acl
  }

  get ownerAhead(): Owner {
    return this.staged === null ? this.owner : this.staged.owner
  }

  get dataLengthAhead(): number {
    return this.staged === null ? Math.max(0, this.dataLength) : this.staged.dataLength
  }

  /** What the next write must count with, to be changed by transaction `zxid`. */
  stage(zxid: number): Staged {
    this.staged ??= {
      exists: this.body !== null,
      version: this.version,
      creates: this.creates,
      aversion: this.aversion,
      children: this.childCount,
      acl: this.acl,
      owner: this.owner,
      dataLength: Math.max(0, this.dataLength),
      zxid,
    }
    this.staged.zxid = zxid
    return this.staged
  }

  /** Transaction `zxid` is committed: if nothing later is on its way, nothing is staged. */
  settle(zxid: number): void {
    if (this.staged !== null && this.staged.zxid <= zxid) this.staged = null
  }
}
