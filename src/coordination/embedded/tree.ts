// What is in the tree, and what does each committed write do to it? Pure: no clock, no disk, no
// socket; a transaction is applied as it was logged, whether it is new or replayed.

import { type Acl, AclTable, openAcl, readAcl } from './acl.ts'
import { bytesOf } from './bytes.ts'
import type { Owner } from './model.ts'
import { PathIndex } from './path-index.ts'
import { lastSlash } from './paths.ts'
import { Quotas } from './quotas.ts'
import { Watches } from './watches.ts'
import { nobody, Znode } from './znode.ts'

/** Where Apache ZooKeeper keeps its own nodes; they are there from the start. */
const systemPaths = ['/zookeeper', '/zookeeper/quota', '/zookeeper/config']
const systemNodes = new Set(['/', ...systemPaths])

/** Nodes by path, and everything that follows from them: watches, ephemerals, quotas, sizes. */
export class Tree {
  readonly index = new PathIndex<Znode>()
  readonly watches = new Watches()
  readonly acls = new AclTable()
  readonly quotas: Quotas
  readonly root: Znode
  readonly containers = new Set<Znode>()
  readonly mortals = new Set<Znode>()
  /** The nodes of each session, as readers see them. */
  readonly ephemerals = new Map<number, Set<Znode>>()
  /** The last transaction that was applied. */
  zxid = 0
  /** How many nodes readers see. */
  count = 0
  /** What all nodes cost: see `Znode.cost`. */
  cost = 0
  /** Data and paths alone: `approximate_data_size` of Apache ZooKeeper. */
  dataBytes = 0
  /** Called with a node before it changes or goes: a snapshot keeps what it was. */
  beforeChange: ((node: Znode) => void) | null = null

  constructor() {
    this.quotas = new Quotas(this)
    this.root = new Znode(bytesOf('/'), null)
    this.index.add(this.root)
    this.#show(this.root)
    for (const path of systemPaths) this.#show(this.place(bytesOf(path)))
    const config = this.node('/zookeeper/config')
    if (config !== null) config.acl = readAcl
  }

  #show(node: Znode): void {
    node.appear(node.path, 0, 0, 0, 0)
    this.#appeared(node)
    node.parent?.stampChildren(0)
  }

  #appeared(node: Znode): void {
    this.count += 1
    this.cost += node.cost
    this.dataBytes += node.path.length + Math.max(0, node.dataLength)
    if (node.parent === null) return
    node.parent.children ??= new Set()
    node.parent.children.add(node)
  }

  /** The node at a path, if readers see one; the empty path is the root, as in Apache's. */
  find(from: Buffer, start: number, end: number): Znode | null {
    if (end === start) return this.root
    const node = this.index.find(from, start, end)
    return node === null || node.body === null ? null : node
  }

  /** The node at a path, if readers see one. */
  node(path: string): Znode | null {
    const bytes = bytesOf(path)
    return this.find(bytes, 0, bytes.length)
  }

  /** The node or the place of one; `null` if there is neither. */
  findAhead(from: Buffer, start: number, end: number): Znode | null {
    return end === start ? this.root : this.index.find(from, start, end)
  }

  /** The parent's place of the path `from[start, end)`, which has a slash. */
  parentAhead(from: Buffer, start: number, end: number): Znode | null {
    return this.findAhead(from, start, lastSlash(from, start, end))
  }

  /** The place of a path, made if there is none. Its parent's place is there. */
  place(path: Buffer): Znode {
    const known = this.index.find(path, 0, path.length)
    if (known !== null) return known
    const place = new Znode(Buffer.from(path), this.parentAhead(path, 0, path.length))
    this.index.add(place)
    return place
  }

  /** Forgets a place that nobody sees and nothing is on its way to. */
  dropIfEmpty(place: Znode): void {
    if (place.body === null && place.staged === null) this.index.remove(place)
  }

  /** Whether a path belongs to the server and cannot be deleted. */
  isSystem(node: Znode): boolean {
    return node.parent === null || systemNodes.has(node.path.toString())
  }

  create(
    place: Znode,
    from: Buffer,
    start: number,
    end: number,
    acl: Acl,
    owner: Owner,
    zxid: number,
    time: number,
  ): void {
    const { parent } = place
    if (parent === null) return
    this.beforeChange?.(parent)
    this.beforeChange?.(place)
    place.acl = acl
    place.owner = owner
    place.creates = 0
    place.children = null
    place.names = null
    place.appear(from, start, end, zxid, time)
    this.#appeared(place)
    this.#own(place)
    parent.creates = (parent.creates + 1) | 0
    parent.stampChildren(zxid)
    place.settle(zxid)
    parent.settle(zxid)
    this.quotas.created(place)
    this.watches.created(place, parent)
  }

  /** Takes a node into the lists of those that somebody else's end deletes. */
  #own(node: Znode): void {
    const { owner } = node
    if (owner.kind === 'container') this.containers.add(node)
    else if (owner.kind === 'ttl') this.mortals.add(node)
    else if (owner.kind === 'session') {
      const owned = this.ephemerals.get(owner.session)
      if (owned === undefined) this.ephemerals.set(owner.session, new Set([node]))
      else owned.add(node)
    }
  }

  #disown(node: Znode): void {
    const { owner } = node
    if (owner.kind === 'container') this.containers.delete(node)
    else if (owner.kind === 'ttl') this.mortals.delete(node)
    else if (owner.kind === 'session') {
      const owned = this.ephemerals.get(owner.session)
      owned?.delete(node)
      if (owned?.size === 0) this.ephemerals.delete(owner.session)
    }
  }

  remove(node: Znode, zxid: number): void {
    const { parent } = node
    if (parent === null || node.body === null) return
    this.beforeChange?.(parent)
    this.beforeChange?.(node)
    const length = Math.max(0, node.dataLength)
    const { acl } = node
    this.count -= 1
    this.cost -= node.cost
    this.dataBytes -= node.path.length + length
    this.#disown(node)
    node.body = null
    node.children = null
    node.names = null
    node.owner = nobody
    node.acl = openAcl
    parent.children?.delete(node)
    parent.stampChildren(zxid)
    node.settle(zxid)
    parent.settle(zxid)
    this.dropIfEmpty(node)
    this.quotas.deleted(node, length)
    this.watches.deleted(node, acl, parent)
  }

  setData(node: Znode, from: Buffer, start: number, end: number, zxid: number, time: number): void {
    this.beforeChange?.(node)
    const grown = (start < 0 ? 0 : end - start) - Math.max(0, node.dataLength)
    node.replaceData(from, start, end)
    node.stampWrite((node.version + 1) | 0, zxid, time)
    this.cost += grown
    this.dataBytes += grown
    node.settle(zxid)
    this.quotas.changed(node, grown)
    this.watches.dataChanged(node)
  }

  setAcl(node: Znode, acl: Acl, zxid: number): void {
    this.beforeChange?.(node)
    this.cost += acl.bytes.length - node.acl.bytes.length
    node.acl = acl
    node.aversion = (node.aversion + 1) | 0
    node.settle(zxid)
  }

  /** Gives the data of one of the server's own nodes, without a trace in its stat. */
  amend(node: Znode, data: Buffer): void {
    this.beforeChange?.(node)
    const grown = data.length - Math.max(0, node.dataLength)
    node.replaceData(data, 0, data.length)
    this.cost += grown
    this.dataBytes += grown
  }

  /** Puts a node back as a snapshot kept it; parents come before their children. */
  restore(place: Znode): void {
    this.#appeared(place)
    this.#own(place)
    if (place.parent !== null) place.parent.names = null
  }

  /** Empties the tree, also of the server's own nodes: before a snapshot is read. */
  clear(): void {
    for (const node of [...this.index]) {
      this.index.remove(node)
      node.body = null
      node.children = null
    }
    this.containers.clear()
    this.mortals.clear()
    this.ephemerals.clear()
    this.index.add(this.root)
    this.count = 0
    this.cost = 0
    this.dataBytes = 0
  }

  /** How many nodes are below a node. */
  countBelow(node: Znode): number {
    let count = 0
    const open = [node]
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      count += next.childCount
      if (next.children !== null) open.push(...next.children)
    }
    return count
  }

  /**
   * The containers and nodes with a time to live that are over at `now`: without children, and
   * with children once, or untouched for their time (ContainerManager.java).
   */
  overdue(now: number): readonly Znode[] {
    const over: Znode[] = []
    for (const node of this.containers) {
      if (node.childCount === 0 && node.creates > 0) over.push(node)
    }
    for (const node of this.mortals) {
      if (node.owner.kind !== 'ttl' || node.childCount > 0) continue
      if (now - node.mtime > node.owner.ttl) over.push(node)
    }
    return over
  }
}
