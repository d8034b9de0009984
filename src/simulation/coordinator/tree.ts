// A tree of nodes in memory, as a ZooKeeper server keeps it: what a change does to it, all or none,
// and who should hear of it.

import { ZooKeeperError } from '../../coordination/client/errors.ts'
import type { CoordinationNode, NodeChange } from '../../coordination/model.ts'
import { unreachable } from '../../foundation/invariant.ts'
import type { ZooErrorName } from '../../wire/jute/errors.ts'

interface Node {
  readonly data: Buffer
  readonly version: number
  readonly made: bigint
  readonly changed: bigint
  readonly owner: bigint | undefined
  readonly children: ReadonlySet<string>
  /** The number that the next sequential child gets. */
  readonly next: number
}

/** Something happened to a node, or to its list of children. */
export interface TreeEvent {
  readonly path: string
  readonly kind: 'created' | 'changed' | 'deleted' | 'children'
}

/** What a transaction did. */
export interface Applied {
  readonly paths: readonly string[]
  readonly events: readonly TreeEvent[]
}

/** Whose transaction it is, and its number. */
export interface Author {
  readonly session: bigint
  readonly zxid: bigint
}

const nothing = Buffer.alloc(0)

export class Tree {
  readonly #nodes = new Map<string, Node>()
  readonly #owned = new Map<bigint, Set<string>>()

  constructor() {
    const root = { data: nothing, version: 0, made: 0n, changed: 0n, owner: undefined }
    this.#nodes.set('/', { ...root, children: new Set(), next: 0 })
  }

  read(path: string): CoordinationNode | undefined {
    const node = this.#nodes.get(path)
    if (node === undefined) return undefined
    const { data, version, made, changed, owner } = node
    return { data, version, made, changed, owner }
  }

  list(path: string): readonly string[] | undefined {
    const node = this.#nodes.get(path)
    return node === undefined ? undefined : [...node.children]
  }

  /** The nodes that live with a session. */
  ownedBy(session: bigint): readonly string[] {
    return [...(this.#owned.get(session) ?? [])]
  }

  /** Makes all changes or none; throws the error of the first that cannot be made. */
  apply(changes: readonly NodeChange[], author: Author): Applied {
    const before = new Map<string, Node | undefined>()
    const events: TreeEvent[] = []
    const paths: string[] = []
    const put = (path: string, node: Node | undefined): void => {
      if (!before.has(path)) before.set(path, this.#nodes.get(path))
      this.#set(path, node)
    }
    for (const [at, change] of changes.entries()) {
      try {
        paths.push(this.#change(change, author, put, events))
      } catch (thrown) {
        for (const [path, node] of [...before].toReversed()) this.#set(path, node)
        if (!(thrown instanceof Refusal)) throw thrown
        throw new ZooKeeperError(thrown.error, 'multi', { path: change.path, failedAt: at })
      }
    }
    return { paths, events }
  }

  #change(
    change: NodeChange,
    author: Author,
    put: (path: string, node: Node | undefined) => void,
    events: TreeEvent[],
  ): string {
    if (change.kind === 'create') return this.#create(change, author, put, events)
    const { path } = change
    const node = this.#nodes.get(path)
    if (node === undefined) throw new Refusal('no-node')
    if (change.version !== undefined && change.version !== node.version) {
      throw new Refusal('bad-version')
    }
    switch (change.kind) {
      case 'check':
        return path
      case 'set': {
        const { version } = node
        const data = Buffer.from(change.data)
        put(path, { ...node, data, version: version + 1, changed: author.zxid })
        events.push({ path, kind: 'changed' })
        return path
      }
      case 'delete': {
        if (node.children.size > 0) throw new Refusal('not-empty')
        const [above, name] = split(path)
        const parent = this.#nodes.get(above)
        if (parent === undefined || path === '/') throw new Refusal('bad-arguments')
        const children = new Set(parent.children)
        children.delete(name)
        put(path, undefined)
        put(above, { ...parent, children })
        events.push({ path, kind: 'deleted' }, { path: above, kind: 'children' })
        return path
      }
      default:
        return unreachable(change)
    }
  }

  #create(
    change: NodeChange & { readonly kind: 'create' },
    { session, zxid }: Author,
    put: (path: string, node: Node | undefined) => void,
    events: TreeEvent[],
  ): string {
    const { life = 'persistent', data } = change
    const [above, wished] = split(change.path)
    const parent = this.#nodes.get(above)
    if (parent === undefined) throw new Refusal('no-node')
    if (parent.owner !== undefined) throw new Refusal('no-children-for-ephemerals')
    const counts = life === 'ephemeral-sequential'
    const name = counts ? `${wished}${String(parent.next).padStart(10, '0')}` : wished
    const path = above === '/' ? `/${name}` : `${above}/${name}`
    if (this.#nodes.has(path)) throw new Refusal('node-exists')
    put(path, {
      data: data === undefined ? nothing : Buffer.from(data),
      version: 0,
      made: zxid,
      changed: zxid,
      owner: life === 'persistent' ? undefined : session,
      children: new Set(),
      next: 0,
    })
    const children = new Set(parent.children).add(name)
    put(above, { ...parent, children, next: parent.next + 1 })
    events.push({ path, kind: 'created' }, { path: above, kind: 'children' })
    return path
  }

  #set(path: string, node: Node | undefined): void {
    const old = this.#nodes.get(path)?.owner
    if (old !== undefined) this.#owned.get(old)?.delete(path)
    if (node === undefined) this.#nodes.delete(path)
    else this.#nodes.set(path, node)
    const owner = node?.owner
    if (owner === undefined) return
    const owned = this.#owned.get(owner)
    if (owned === undefined) this.#owned.set(owner, new Set([path]))
    else owned.add(path)
  }
}

/** A change that cannot be made, before it is known which of several it was. */
class Refusal extends Error {
  readonly error: ZooErrorName

  constructor(error: ZooErrorName) {
    super(error)
    this.error = error
  }
}

const split = (path: string): readonly [string, string] => {
  const slash = path.lastIndexOf('/')
  return [slash <= 0 ? '/' : path.slice(0, slash), path.slice(slash + 1)]
}
