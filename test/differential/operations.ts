// What might clients do next? Steps for the differential test, drawn from a seed over so few paths
// that they keep meeting each other's nodes, locks and watches.

import { createHash } from 'node:crypto'
import { below, pick, type Random } from '../../src/foundation/random.ts'
import type { OperationName, RequestOf } from '../../src/wire/jute/messages.ts'
import type { MultiOperation } from '../../src/wire/jute/multi.ts'
import { createFlag, permission, watcherType } from '../../src/wire/jute/opcodes.ts'
import type { Acl } from '../../src/wire/jute/records.ts'

/** A request by name. */
export type Ask = {
  readonly [N in OperationName]: { readonly name: N; readonly request: RequestOf<N> }
}[OperationName]

/** What happens next. */
export type Step =
  /** One client sends these at once, and waits for all answers. */
  | { readonly kind: 'ask'; readonly client: number; readonly asks: readonly Ask[] }
  /** A client's connection breaks. */
  | { readonly kind: 'disconnect'; readonly client: number }
  /** It comes back with its session, and registers its watches again. */
  | { readonly kind: 'reconnect'; readonly client: number }
  /** It closes its session, and begins another. */
  | { readonly kind: 'renew'; readonly client: number }

/** What the choice of steps depends on; both servers have agreed on it so far. */
export interface Scene {
  readonly clients: number
  /**
   * Whether there are limits for what is below some paths. Apache ZooKeeper compares them with what
   * was carried out, not with what is under way: then everything is asked alone.
   */
  readonly hasLimits: boolean
  isConnected(client: number): boolean
  /**
   * Whether a client watches a path for good, or once. Apache ZooKeeper 3.8 knows one kind of watch
   * a client and path, and forgets the other (ZOOKEEPER-4466), so the two are kept apart.
   */
  persists(client: number, path: string): boolean
  watchesOnce(client: number, path: string): boolean
  /** Paths that servers chose: of sequential nodes. */
  readonly made: readonly string[]
}

const names = ['a', 'b', 'c', 'ü'] as const
const world: Acl = { perms: permission.all, id: { scheme: 'world', id: 'anyone' } }
const open: readonly Acl[] = [world]

function path(random: Random, scene: Scene): string {
  if (scene.made.length > 0 && below(random, 6) === 0) return pick(random, scene.made) ?? '/d'
  const depth = below(random, 4)
  let here = '/d'
  for (let level = 0; level < depth; level += 1) here += `/${pick(random, names)}`
  return here
}

const oddPaths = [
  '/',
  '',
  'd',
  '/d/',
  '//d',
  '/d/./a',
  '/d/..',
  '/d/\u0001',
  '/d/a\u0000',
  '/none/x',
]

const anyPath = (random: Random, scene: Scene): string =>
  below(random, 40) === 0 ? (pick(random, oddPaths) ?? '/') : path(random, scene)

function data(random: Random): Uint8Array | null {
  const kind = below(random, 20)
  if (kind === 0) return null
  if (kind === 1) return Buffer.alloc(0)
  if (kind === 2) return Buffer.alloc(3000, below(random, 256))
  return Buffer.alloc(1 + below(random, 12), 97 + below(random, 26))
}

const digests = ['bob', 'eve'].map((user) => {
  const digest = createHash('sha1').update(`${user}:pw`).digest('base64')
  return `${user}:${digest}`
})

function acl(random: Random): readonly Acl[] {
  const perms = below(random, 32)
  switch (below(random, 14)) {
    case 0:
      return [{ perms, id: { scheme: 'auth', id: '' } }]
    case 1:
      return [{ perms, id: { scheme: 'digest', id: pick(random, digests) ?? '' } }]
    case 2:
      return [{ perms, id: { scheme: 'ip', id: pick(random, ['127.0.0.1', '10.0.0.0/8']) ?? '' } }]
    case 3:
      return [{ perms: permission.read, id: { scheme: 'world', id: 'anyone' } }]
    case 4:
      return below(random, 3) === 0 ? [{ perms, id: { scheme: 'nonsense', id: 'x' } }] : open
    case 5:
      return below(random, 3) === 0 ? [] : [world, world]
    default:
      return open
  }
}

const version = (random: Random): number => (below(random, 3) === 0 ? below(random, 4) : -1)

function create(random: Random, scene: Scene): Ask {
  const request = {
    path: anyPath(random, scene),
    data: data(random),
    acl: acl(random),
    flags: below(random, 4),
  }
  switch (below(random, 10)) {
    case 0:
      return { name: 'createContainer', request: { ...request, flags: createFlag.container } }
    case 1: {
      const ttl = below(random, 10) === 0 ? -1 : 100_000 + below(random, 1000)
      return { name: 'createTTL', request: { ...request, flags: 5 + below(random, 2), ttl } }
    }
    case 2:
      return { name: 'create', request: { ...request, flags: below(random, 9) - 1 } }
    case 3:
    case 4:
      return { name: 'create2', request }
    default:
      return { name: 'create', request }
  }
}

const asMulti = ({ name, request }: Ask): MultiOperation =>
  ({ kind: name, ...(request as object) }) as MultiOperation

function multi(random: Random, scene: Scene): Ask {
  const count = below(random, 5)
  const request = Array.from({ length: count }, () => {
    const which = below(random, 8)
    if (which < 4) return asMulti(create(random, scene))
    const named = { path: anyPath(random, scene), version: version(random) }
    if (which < 5) return { kind: 'delete' as const, ...named }
    if (which < 7) return { kind: 'setData' as const, ...named, data: data(random) }
    return { kind: 'check' as const, ...named }
  })
  return { name: 'multi', request }
}

function multiRead(random: Random, scene: Scene): Ask {
  const request = Array.from({ length: below(random, 4) }, () => ({
    kind: below(random, 2) === 0 ? ('getData' as const) : ('getChildren' as const),
    path: anyPath(random, scene),
    watch: false,
  }))
  return { name: 'multiRead', request }
}

/** A request that may leave a watch behind. */
function read(random: Random, scene: Scene, client: number): Ask {
  const where = anyPath(random, scene)
  const watch = below(random, 2) === 0 && !scene.persists(client, where)
  const name = pick(random, ['getData', 'exists', 'getChildren', 'getChildren2'] as const)
  return { name: name ?? 'exists', request: { path: where, watch } }
}

/** A limit for what is below a path, as zkCli's `setquota` makes it. */
function quota(random: Random): readonly Ask[] {
  const about = `/zookeeper/quota/d/${pick(random, names)}`
  const limit = `count=-1,bytes=-1=;byteHardLimit=${50 + below(random, 50)};countHardLimit=4`
  const parts = [
    '/zookeeper/quota/d',
    about,
    `${about}/zookeeper_limits`,
    `${about}/zookeeper_stats`,
  ]
  return parts.map((where, index) => ({
    name: 'create',
    request: {
      path: where,
      data: Buffer.from(index === 2 ? limit : 'count=0,bytes=0'),
      acl: open,
      flags: 0,
    },
  }))
}

function ask(random: Random, scene: Scene, client: number): Ask {
  const where = anyPath(random, scene)
  const which = below(random, 100)
  if (which < 26) return create(random, scene)
  if (which < 36) return { name: 'delete', request: { path: where, version: version(random) } }
  if (which < 50) {
    const request = { path: where, data: data(random), version: version(random) }
    return { name: 'setData', request }
  }
  if (which < 74) return read(random, scene, client)
  if (which < 80) return multi(random, scene)
  if (which < 83) return multiRead(random, scene)
  if (which < 86) {
    // Never the top: with that locked, nothing more would happen.
    const below = where === '/d' || where === '/' ? '/d/a' : where
    return { name: 'setACL', request: { path: below, acl: acl(random), version: version(random) } }
  }
  if (which < 89) return { name: 'getACL', request: { path: where } }
  if (which < 91) return { name: 'sync', request: { path: where } }
  // To Apache ZooKeeper the root is below the path "", which is the root: nobody means that.
  if (which < 92) return { name: 'getAllChildrenNumber', request: { path: where || '/' } }
  if (which < 93) return { name: 'getEphemerals', request: { prefixPath: '/d/a' } }
  if (which < 95) {
    const auth = Buffer.from(`${pick(random, ['bob', 'eve'])}:pw`)
    return { name: 'auth', request: { type: 0, scheme: 'digest', auth } }
  }
  if (which < 96) return { name: 'whoAmI', request: undefined }
  if (which < 98 && !scene.persists(client, where) && !scene.watchesOnce(client, where)) {
    return { name: 'addWatch', request: { path: where, mode: below(random, 2) } }
  }
  const type = watcherType.children + below(random, 3)
  return { name: 'removeWatches', request: { path: where, type } }
}

/**
 * Requests that are sent alone: whether a path is watched is known after the answer; and to Apache
 * ZooKeeper a new ACL counts only when it is on the disk, which may be sooner or later.
 */
const isAlone = ({ name, request }: Ask): boolean =>
  name === 'addWatch' ||
  name === 'setACL' ||
  'watch' in (request ?? {}) ||
  (name === 'multi' && request.some(isBrokenCreate))

/**
 * A create that says it has a TTL and has none. A multi fails with it, and with Apache ZooKeeper
 * what came before it in that multi still shows in the requests that are under way.
 */
const isBrokenCreate = (operation: MultiOperation): boolean =>
  operation.kind === 'create' && operation.flags > createFlag.container

/** What happens next. */
export function nextStep(random: Random, scene: Scene): Step {
  const client = below(random, scene.clients)
  if (!scene.isConnected(client)) return { kind: 'reconnect', client }
  const which = below(random, 100)
  if (which < 2) return { kind: 'disconnect', client }
  if (which < 3) return { kind: 'renew', client }
  if (which < 4 && scene.hasLimits) return { kind: 'ask', client, asks: quota(random) }
  const count = which < 20 && !scene.hasLimits ? 1 + below(random, 8) : 1
  const asks: Ask[] = []
  while (asks.length < count) {
    const next = ask(random, scene, client)
    if (count === 1 || !isAlone(next)) asks.push(next)
  }
  return { kind: 'ask', client, asks }
}
