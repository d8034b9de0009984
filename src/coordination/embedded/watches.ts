// Who wants to know when this path changes? The watches of all connections, with Apache
// ZooKeeper's rules of firing (WatchManager.java). Refuses to know how an event is sent.

import { eventType, keeperState, permission, specialXid } from '../../wire/jute/opcodes.ts'
import { type Acl, isAllowed } from './acl.ts'
import { hashBytes, putInt, putLong } from './bytes.ts'
import type { Identity } from './model.ts'
import { type Indexed, PathIndex } from './path-index.ts'
import { lastSlash } from './paths.ts'

/** How long a watch lasts; a connection may hold all three on one path, so they are bits. */
export const watchMode = { once: 1, persistent: 2, recursive: 4 } as const

/** The two tables: what happens to a node and its data, what happens to its list of children. */
export type WatchTable = 'data' | 'children'

/** Who is told. */
export interface Watcher {
  readonly who: readonly Identity[]
  /** The places it watches; belongs to `Watches`. */
  watched: Set<WatchedPath> | null
  /** Takes a watch event, a whole frame. The bytes stay as they are. */
  notify(frame: Buffer): void
}

/** The watchers of one table at one path. Most paths have one, so a second makes the map. */
class Watchers {
  #one: Watcher | null = null
  #mode = 0
  #many: Map<Watcher, number> | null = null

  get size(): number {
    return this.#many?.size ?? (this.#one === null ? 0 : 1)
  }

  modeOf(watcher: Watcher): number {
    if (this.#many !== null) return this.#many.get(watcher) ?? 0
    return this.#one === watcher ? this.#mode : 0
  }

  set(watcher: Watcher, mode: number): void {
    if (this.#many !== null) {
      if (mode === 0) this.#many.delete(watcher)
      else this.#many.set(watcher, mode)
    } else if (this.#one === null || this.#one === watcher) {
      this.#one = mode === 0 ? null : watcher
      this.#mode = mode
    } else if (mode !== 0) {
      this.#many = new Map([
        [this.#one, this.#mode],
        [watcher, mode],
      ])
      this.#one = null
    }
  }

  each(visit: (watcher: Watcher, mode: number) => void): void {
    if (this.#many !== null) for (const [watcher, mode] of this.#many) visit(watcher, mode)
    else if (this.#one !== null) visit(this.#one, this.#mode)
  }
}

/** Where something happens. */
interface Place {
  readonly path: Buffer
  readonly hash: number
  readonly acl: Acl
}

/** A path that somebody watches; there need not be a node at it. */
export class WatchedPath implements Indexed<WatchedPath> {
  readonly path: Buffer
  readonly hash: number
  next: WatchedPath | null = null
  readonly data = new Watchers()
  readonly children = new Watchers()

  constructor(path: Buffer) {
    this.path = path
    this.hash = hashBytes(path, 0, path.length)
  }

  get isIdle(): boolean {
    return this.data.size === 0 && this.children.size === 0
  }
}

/** An event as a frame: xid -1, zxid -1, no error, then the event (WatcherEvent). */
export function eventFrame(type: number, path: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(32 + path.length)
  putInt(frame, 0, 28 + path.length)
  putInt(frame, 4, specialXid.notification)
  putLong(frame, 8, -1)
  putInt(frame, 16, 0)
  putInt(frame, 20, type)
  putInt(frame, 24, keeperState.syncConnected)
  putInt(frame, 28, path.length)
  frame.set(path, 32)
  return frame
}

/** What a watch takes on top of its path, about: two entries in tables, and their place. */
const watchOverhead = 150

/** All watches of a server. */
export class Watches {
  #paths = new PathIndex<WatchedPath>()
  /** How many watches look below their path: while there are none, no parents are asked. */
  #recursive = 0
  #count = { data: 0, children: 0 }
  /** What all watches take, in bytes. */
  cost = 0

  /** How many watches there are, both tables together. */
  get count(): number {
    return this.#count.data + this.#count.children
  }

  /** The paths with watches of a table, and who has them: for the four-letter words. */
  *inTable(table: WatchTable): Generator<readonly [path: string, watchers: readonly Watcher[]]> {
    for (const place of this.#paths) {
      const watchers: Watcher[] = []
      place[table].each((watcher) => watchers.push(watcher))
      if (watchers.length > 0) yield [place.path.toString(), watchers]
    }
  }

  add(table: WatchTable, path: Buffer, watcher: Watcher, mode: number): void {
    let place = this.#paths.find(path, 0, path.length)
    if (place === null) {
      place = new WatchedPath(Buffer.from(path))
      this.#paths.add(place)
    }
    this.#set(table, place, watcher, place[table].modeOf(watcher) | mode)
    watcher.watched ??= new Set()
    watcher.watched.add(place)
  }

  #set(table: WatchTable, place: WatchedPath, watcher: Watcher, mode: number): void {
    const watchers = place[table]
    const before = watchers.modeOf(watcher)
    if (before === mode) return
    watchers.set(watcher, mode)
    if (before === 0) {
      this.#count[table] += 1
      this.cost += watchOverhead + place.path.length
    }
    if (mode === 0) {
      this.#count[table] -= 1
      this.cost -= watchOverhead + place.path.length
    }
    this.#recursive += ((mode & watchMode.recursive) - (before & watchMode.recursive)) >> 2
  }

  #forgetIfIdle(place: WatchedPath, watcher: Watcher): void {
    if (place.data.modeOf(watcher) === 0 && place.children.modeOf(watcher) === 0) {
      watcher.watched?.delete(place)
    }
    if (place.isIdle) this.#paths.remove(place)
  }

  has(table: WatchTable, path: Buffer, watcher: Watcher): boolean {
    return (this.#paths.find(path, 0, path.length)?.[table].modeOf(watcher) ?? 0) !== 0
  }

  /** Takes a watcher's watches of a table off a path; false if it has none there. */
  remove(table: WatchTable, path: Buffer, watcher: Watcher): boolean {
    const place = this.#paths.find(path, 0, path.length)
    if (place === null || place[table].modeOf(watcher) === 0) return false
    this.#set(table, place, watcher, 0)
    this.#forgetIfIdle(place, watcher)
    return true
  }

  /** Takes all watches of a watcher away: its connection is gone. */
  removeAll(watcher: Watcher): void {
    const { watched } = watcher
    if (watched === null) return
    watcher.watched = null
    for (const place of watched) {
      this.#set('data', place, watcher, 0)
      this.#set('children', place, watcher, 0)
      if (place.isIdle) this.#paths.remove(place)
    }
  }

  created(node: Place, parent: Place): void {
    if (this.count === 0) return
    this.#fire('data', node, eventType.created, node.acl, null)
    this.#fire('children', parent, eventType.childrenChanged, parent.acl, null)
  }

  dataChanged(node: Place): void {
    if (this.count !== 0) this.#fire('data', node, eventType.dataChanged, node.acl, null)
  }

  /** `acl` is the node's last. One who watches it in both tables is told once that it is gone. */
  deleted(node: Place, acl: Acl, parent: Place): void {
    if (this.count === 0) return
    const told = this.#fire('data', node, eventType.deleted, acl, null)
    this.#fire('children', node, eventType.deleted, acl, told)
    this.#fire('children', parent, eventType.childrenChanged, parent.acl, null)
  }

  /**
   * Tells the watchers of a path, and those of its parents who look below; returns who. Whoever
   * may not read the node is not told, though its watch is used up (CVE-2024-23944).
   */
  #fire(
    table: WatchTable,
    { path, hash }: Place,
    type: number,
    acl: Acl,
    except: ReadonlySet<Watcher> | null,
  ): Set<Watcher> | null {
    const place = this.#paths.findHashed(path, hash)
    if (place === null && this.#recursive === 0) return null
    const told = new Set<Watcher>()
    if (place !== null) this.#gatherHere(table, place, type, told)
    if (this.#recursive > 0 && type !== eventType.childrenChanged) {
      this.#gatherAbove(table, path, told)
    }
    if (told.size === 0) return null
    const frame = eventFrame(type, path)
    for (const watcher of told) {
      if (except?.has(watcher) === true) continue
      if (isAllowed(acl, permission.read, watcher.who)) watcher.notify(frame)
    }
    return told
  }

  #gatherHere(table: WatchTable, place: WatchedPath, type: number, told: Set<Watcher>): void {
    const done: Watcher[] = []
    place[table].each((watcher, mode) => {
      const hears = (mode & ~watchMode.recursive) !== 0 || type !== eventType.childrenChanged
      if (hears) told.add(watcher)
      if ((mode & watchMode.once) !== 0) done.push(watcher)
    })
    for (const watcher of done) {
      this.#set(table, place, watcher, place[table].modeOf(watcher) & ~watchMode.once)
      this.#forgetIfIdle(place, watcher)
    }
  }

  #gatherAbove(table: WatchTable, path: Buffer, told: Set<Watcher>): void {
    let end = path.length
    while (end > 1) {
      end = Math.max(1, lastSlash(path, 0, end))
      const place = this.#paths.find(path, 0, end)
      place?.[table].each((watcher, mode) => {
        if ((mode & watchMode.recursive) !== 0) told.add(watcher)
      })
    }
  }
}
