// What can be asked about one node: make it, read it, change it, delete it, and who may.

import { anyVersion } from '../../wire/jute/opcodes.ts'
import type { Asker } from './ask.ts'
import type {
  Acl,
  Created,
  CreateOptions,
  NodeChildren,
  NodeData,
  Stat,
  VersionOptions,
  WatchOptions,
} from './model.ts'
import { bytesOf, copyOf, creationOf } from './values.ts'

/** The operations on one node. */
export interface NodeOperations {
  /** Makes a node. Its parent must exist, and not be ephemeral. */
  create(
    path: string,
    data?: Uint8Array | string,
    options?: CreateOptions,
    signal?: AbortSignal,
  ): Promise<Created>
  /** Deletes a node that has no children. */
  delete(path: string, options?: VersionOptions, signal?: AbortSignal): Promise<void>
  /** A node's stat; `undefined` if there is none, and then the watch waits for its creation. */
  exists(path: string, options?: WatchOptions, signal?: AbortSignal): Promise<Stat | undefined>
  getData(path: string, options?: WatchOptions, signal?: AbortSignal): Promise<NodeData>
  /** Replaces a node's data; with a version this is compare-and-set. */
  setData(
    path: string,
    data: Uint8Array | string,
    options?: VersionOptions,
    signal?: AbortSignal,
  ): Promise<Stat>
  getChildren(path: string, options?: WatchOptions, signal?: AbortSignal): Promise<NodeChildren>
  /** How many nodes there are below this one, at all depths. Since ZooKeeper 3.6. */
  countDescendants(path: string, signal?: AbortSignal): Promise<number>
  /** The paths of this session's ephemeral nodes at and below `path`. Since ZooKeeper 3.6. */
  getEphemerals(path: string, signal?: AbortSignal): Promise<readonly string[]>
  getAcl(path: string, signal?: AbortSignal): Promise<NodeAcl>
  /** Replaces a node's ACL; the version is compared with its `aversion`. */
  setAcl(
    path: string,
    acl: readonly Acl[],
    options?: VersionOptions,
    signal?: AbortSignal,
  ): Promise<Stat>
  /**
   * Lets this session's server catch up with the leader of its ensemble: what is read after it is
   * no older than this call. Only a server that leads itself answers it at once, from what it has
   * done by then, and what it has just confirmed to a follower's client may come a moment later
   * (CommitProcessor.java, `matchSyncs`): where that moment matters, `catchUp` has no such hole.
   */
  sync(path: string, signal?: AbortSignal): Promise<void>
}

/** Who may do what with a node. */
export interface NodeAcl {
  readonly acl: readonly Acl[]
  readonly stat: Stat
}

type Reading =
  | 'exists'
  | 'getData'
  | 'getChildren'
  | 'countDescendants'
  | 'getEphemerals'
  | 'getAcl'
  | 'sync'

export const nodeOperations = (asker: Asker): NodeOperations => ({
  ...reading(asker),
  ...changing(asker),
})

const reading = ({ ask, shown }: Asker): Pick<NodeOperations, Reading> => ({
  exists: (path, { watch } = {}, signal) =>
    ask<'exists', Stat | undefined>(
      {
        name: 'exists',
        verb: 'look at',
        path,
        watch,
        watches: { there: 'data', missing: 'exist' },
        request: (node) => ({ path: node, watch: watch !== undefined }),
        take: ({ stat }) => stat,
        missing: () => undefined,
      },
      signal,
    ),
  getData: (path, { watch } = {}, signal) =>
    ask(
      {
        name: 'getData',
        verb: 'read',
        path,
        watch,
        watches: { there: 'data' },
        request: (node) => ({ path: node, watch: watch !== undefined }),
        take: ({ data, stat }) => ({ data: copyOf(data), stat }),
      },
      signal,
    ),
  getChildren: (path, { watch } = {}, signal) =>
    ask(
      {
        name: 'getChildren2',
        verb: 'list',
        path,
        watch,
        watches: { there: 'child' },
        request: (node) => ({ path: node, watch: watch !== undefined }),
        take: (answer) => answer,
      },
      signal,
    ),
  countDescendants: (path, signal) =>
    ask(
      {
        name: 'getAllChildrenNumber',
        verb: 'count what is below',
        path,
        request: (node) => ({ path: node }),
        take: ({ totalNumber }) => totalNumber,
      },
      signal,
    ),
  getEphemerals: (path, signal) =>
    ask(
      {
        name: 'getEphemerals',
        verb: 'list the ephemeral nodes below',
        path,
        request: (node) => ({ prefixPath: node }),
        take: ({ ephemerals }) => ephemerals.map(shown),
      },
      signal,
    ),
  getAcl: (path, signal) =>
    ask(
      {
        name: 'getACL',
        verb: 'read the ACL of',
        path,
        request: (node) => ({ path: node }),
        take: (answer) => answer,
      },
      signal,
    ),
  sync: (path, signal) =>
    ask(
      {
        name: 'sync',
        verb: 'catch up with',
        path,
        request: (node) => ({ path: node }),
        take: () => {},
      },
      signal,
    ),
})

const changing = ({
  ask,
  shown,
}: Asker): Pick<NodeOperations, 'create' | 'delete' | 'setData' | 'setAcl'> => ({
  create: (path, data, options = {}, signal) =>
    ask(
      {
        ...creationOf(data, options),
        verb: 'create',
        path,
        changes: true,
        take: ({ path: made, stat }) => ({ path: shown(made), stat }),
      },
      signal,
    ),
  delete: (path, { version = anyVersion } = {}, signal) =>
    ask(
      {
        name: 'delete',
        verb: 'delete',
        path,
        changes: true,
        request: (node) => ({ path: node, version }),
        take: () => {},
      },
      signal,
    ),
  setData: (path, data, { version = anyVersion } = {}, signal) =>
    ask(
      {
        name: 'setData',
        verb: 'write',
        path,
        changes: true,
        request: (node) => ({ path: node, data: bytesOf(data), version }),
        take: ({ stat }) => stat,
      },
      signal,
    ),
  setAcl: (path, acl, { version = anyVersion } = {}, signal) =>
    ask(
      {
        name: 'setACL',
        verb: 'change the ACL of',
        path,
        changes: true,
        request: (node) => ({ path: node, acl, version }),
        take: ({ stat }) => stat,
      },
      signal,
    ),
})
