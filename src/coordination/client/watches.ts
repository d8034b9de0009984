// Who watches what, and whom does an event concern? The client's side of every watch of a session.

import { unreachable } from '../../foundation/invariant.ts'
import { eventType } from '../../wire/jute/opcodes.ts'
import type { SetWatches2Request } from '../../wire/jute/records.ts'
import type { SessionEnd, WatchEvent, WatchListener } from './model.ts'
import { parentOf, withoutChroot } from './paths.ts'

/** The tables that watches are kept in; the first three are of watches that fire once. */
export type WatchKind = 'data' | 'exist' | 'child' | 'persistent' | 'recursive'

type Table = Map<string, Set<WatchListener>>

const add = (table: Table, path: string, listener: WatchListener): void => {
  const listeners = table.get(path)
  if (listeners === undefined) table.set(path, new Set([listener]))
  else listeners.add(listener)
}

interface ChangeKind {
  readonly kind: 'created' | 'deleted' | 'data-changed' | 'children-changed'
  /** The tables of watches that it fires and so uses up. */
  readonly once: readonly WatchKind[]
  /** Recursive watches do not hear that children changed: they hear of the children themselves. */
  readonly recursive: boolean
}

/** What each event means; those that only confirm a removal are not here: we told it ourselves. */
const changes: ReadonlyMap<number, ChangeKind> = new Map([
  [eventType.created, { kind: 'created', once: ['data', 'exist'], recursive: true }],
  [eventType.dataChanged, { kind: 'data-changed', once: ['data', 'exist'], recursive: true }],
  [eventType.deleted, { kind: 'deleted', once: ['data', 'exist', 'child'], recursive: true }],
  [eventType.childrenChanged, { kind: 'children-changed', once: ['child'], recursive: false }],
])

/** The bytes of paths that one frame of `setWatches2` holds at most (ClientCnxn.java). */
const batchBytesMost = 128 * 1024

/**
 * The watches of one session, by the server's paths. Listeners hear the paths without the chroot.
 * A listener that throws breaks nothing here: its error surfaces as an uncaught one.
 */
export class Watches {
  readonly #chroot: string
  readonly #tables: Readonly<Record<WatchKind, Table>> = {
    data: new Map(),
    exist: new Map(),
    child: new Map(),
    persistent: new Map(),
    recursive: new Map(),
  }

  readonly #expected = new Map<string, number>()

  constructor(chroot: string) {
    this.#chroot = chroot
  }

  add(kind: WatchKind, path: string, listener: WatchListener): void {
    add(this.#tables[kind], path, listener)
  }

  /** Forgets a listener; false when it was not there. */
  remove(kind: WatchKind, path: string, listener: WatchListener): boolean {
    const table = this.#tables[kind]
    const listeners = table.get(path)
    const known = listeners?.delete(listener) === true
    if (listeners?.size === 0) table.delete(path)
    return known
  }

  /** A watch on this path is being asked for: it counts as held until the scope ends. */
  expect(path: string): Disposable {
    this.#expected.set(path, (this.#expected.get(path) ?? 0) + 1)
    return {
      [Symbol.dispose]: () => {
        const left = (this.#expected.get(path) ?? 1) - 1
        if (left === 0) this.#expected.delete(path)
        else this.#expected.set(path, left)
      },
    }
  }

  /** Whether anybody watches this path itself, or is about to. */
  has(path: string): boolean {
    return this.#expected.has(path) || Object.values(this.#tables).some((table) => table.has(path))
  }

  /** Tells everybody of one kind that their watch was removed, and forgets them. */
  end(kind: WatchKind, path: string): void {
    const listeners = this.#tables[kind].get(path) ?? []
    this.#tables[kind].delete(path)
    this.#tell(listeners, { kind: 'removed', path: this.#shown(path), why: 'removed' })
  }

  /** An event of the server: tells whom it concerns, each once, and forgets what fires once. */
  fire(type: number, path: string): void {
    const change = changes.get(type)
    if (change === undefined) return
    const { kind, once, recursive } = change
    const concerned = new Set<WatchListener>()
    for (const table of once) {
      for (const listener of this.#tables[table].get(path) ?? []) concerned.add(listener)
      this.#tables[table].delete(path)
    }
    for (const listener of this.#tables.persistent.get(path) ?? []) concerned.add(listener)
    if (recursive && this.#tables.recursive.size > 0) this.#above(path, concerned)
    this.#tell(concerned, { kind, path: this.#shown(path) })
  }

  #above(path: string, concerned: Set<WatchListener>): void {
    for (let at = path; ; at = parentOf(at)) {
      for (const listener of this.#tables.recursive.get(at) ?? []) concerned.add(listener)
      if (at === '/') return
    }
  }

  /** The connection is back: watches that stay have missed what happened meanwhile. */
  gap(): void {
    for (const kind of ['persistent', 'recursive'] as const) {
      for (const [path, listeners] of [...this.#tables[kind]]) {
        this.#tell(listeners, { kind: 'gap', path: this.#shown(path) })
      }
    }
  }

  /** The session is over: everybody hears it once, and all is forgotten. */
  over(why: SessionEnd): void {
    for (const table of Object.values(this.#tables)) {
      const all = [...table]
      table.clear()
      for (const [path, listeners] of all) {
        this.#tell(listeners, { kind: 'removed', path: this.#shown(path), why })
      }
    }
  }

  /**
   * What another server has to know, in requests of bounded size: it fires at once what has changed
   * since `relativeZxid`.
   */
  requests(relativeZxid: bigint): readonly SetWatches2Request[] {
    const batches: Batch[] = []
    let bytes = 0
    for (const kind of Object.keys(this.#tables) as WatchKind[]) {
      for (const path of this.#tables[kind].keys()) {
        const length = Buffer.byteLength(path) + 4
        if (batches.length === 0 || bytes + length > batchBytesMost) {
          batches.push(newBatch())
          bytes = 0
        }
        bytes += length
        batches.at(-1)?.[kind].push(path)
      }
    }
    return batches.map((batch) => ({
      relativeZxid,
      dataWatches: batch.data,
      existWatches: batch.exist,
      childWatches: batch.child,
      persistentWatches: batch.persistent,
      persistentRecursiveWatches: batch.recursive,
    }))
  }

  #shown(path: string): string {
    return withoutChroot(this.#chroot, path)
  }

  #tell(listeners: Iterable<WatchListener>, event: WatchEvent): void {
    for (const listener of [...listeners]) {
      try {
        listener(event)
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown
        })
      }
    }
  }
}

type Batch = Record<WatchKind, string[]>

const newBatch = (): Batch => ({ data: [], exist: [], child: [], persistent: [], recursive: [] })

/** The tables that `removeWatches` of a type empties, as the server does. */
export function tablesOf(type: 'children' | 'data' | 'any'): readonly WatchKind[] {
  switch (type) {
    case 'children':
      return ['child']
    case 'data':
      return ['data', 'exist']
    case 'any':
      return ['data', 'exist', 'child', 'persistent', 'recursive']
    default:
      return unreachable(type)
  }
}
