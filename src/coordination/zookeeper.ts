// The adapter: a ZooKeeper session as the coordinator that rooms see.

import type { Clock, Milliseconds } from '../foundation/time.ts'
import { anyone } from './client/acl.ts'
import { type ClientOptions, openZooKeeper, type ZooKeeperClient } from './client/client.ts'
import { isZooKeeperError } from './client/errors.ts'
import { parseConnectString } from './client/hosts.ts'
import type { Acl, Change, WatchEvent } from './client/model.ts'
import type { CoordinationNews, Coordinator } from './coordinator.ts'
import type { NodeChange } from './model.ts'

/** How a coordinator is reached. */
export interface CoordinatorOptions extends ClientOptions {
  /** `zk1:2181,zk2:2181/alwayson`; the node after the slash is made if it is missing. */
  readonly hosts: string
  /** It is known to be there: it was made before. */
  readonly hasRoot?: boolean
  /** Who may touch the nodes made here; everybody unless said otherwise. */
  readonly acl?: readonly Acl[]
  readonly clock?: Clock
}

/** A coordinator that lasts as long as its session, or until it is disposed. */
export interface OpenCoordinator extends Coordinator, AsyncDisposable {
  /** The client underneath, for what the port does not have. */
  readonly client: ZooKeeperClient
}

/**
 * Opens a session and waits until it is connected. Rejects with the signal's reason, with
 * `auth-failed`, or with a Fault `bad-usage` for hosts that are none.
 */
export async function openCoordinator(
  { hosts, acl, hasRoot, ...options }: CoordinatorOptions,
  signal?: AbortSignal,
): Promise<OpenCoordinator> {
  const { chroot } = parseConnectString(hosts)
  if (chroot !== '' && hasRoot !== true)
    await makeRoot(hosts.slice(0, hosts.indexOf('/')), chroot, acl, options, signal)
  const client = openZooKeeper(hosts, options)
  try {
    await client.connected(signal)
  } catch (thrown) {
    await client.close()
    throw thrown
  }
  return coordinatorOf(client, acl)
}

/** Makes the chroot, with all nodes above it, in a session of its own. */
async function makeRoot(
  hosts: string,
  chroot: string,
  acl: readonly Acl[] | undefined,
  options: ClientOptions,
  signal: AbortSignal | undefined,
): Promise<void> {
  await using client = openZooKeeper(hosts, options)
  const names = chroot.slice(1).split('/')
  // Others may have a place of their own beside ours.
  const above = [...(acl ?? []), anyone('read', 'create')]
  for (const [at] of names.entries()) {
    const path = `/${names.slice(0, at + 1).join('/')}`
    const isLast = at === names.length - 1
    try {
      await client.create(path, '', acl === undefined ? {} : { acl: isLast ? acl : above }, signal)
    } catch (thrown) {
      if (!isZooKeeperError(thrown, 'node-exists')) throw thrown
    }
  }
}

/** The session of a connected client as a coordinator. */
export function coordinatorOf(client: ZooKeeperClient, acl?: readonly Acl[]): OpenCoordinator {
  const { session, timeout } = sessionOf(client)
  const absent = <T>(thrown: unknown): T | undefined => {
    if (isZooKeeperError(thrown, 'no-node')) return undefined
    throw thrown
  }
  return {
    client,
    session,
    timeout,
    over: client.over,
    [Symbol.asyncDispose]: () => client.close(),
    // Of Apache's leader ZooKeeper's own sync promises less than the port does.
    sync: (signal) => client.catchUp(signal),
    async read(path, signal) {
      const node = await client.getData(path, {}, signal).catch(absent<never>)
      if (node === undefined) return undefined
      const { version, czxid, mzxid, ephemeralOwner } = node.stat
      const owner = ephemeralOwner === 0n ? undefined : ephemeralOwner
      return { data: node.data, version, made: czxid, changed: mzxid, owner }
    },
    list: async (path, signal) =>
      (await client.getChildren(path, {}, signal).catch(absent<never>))?.children,
    async write(changes, signal) {
      const done = await client.multi(
        changes.map((change) => changeOf(change, acl)),
        signal,
      )
      return done.map((result, at) =>
        result.kind === 'create' ? result.path : (changes[at]?.path ?? ''),
      )
    },
    watch: (path, deep, listener, signal) =>
      client.addWatch(path, (event) => listener(newsOf(event)), { recursive: deep }, signal),
  }
}

function sessionOf({ state }: ZooKeeperClient): {
  readonly session: bigint
  readonly timeout: Milliseconds
} {
  if (state.kind !== 'connected') throw new Error('broken invariant: a coordinator is connected')
  return { session: state.sessionId, timeout: state.timeout }
}

function changeOf(change: NodeChange, acl: readonly Acl[] | undefined): Change {
  if (change.kind !== 'create') return change
  const { life = 'persistent', ...rest } = change
  return { ...rest, mode: life, ...(acl === undefined ? {} : { acl }) }
}

const newsOf = (event: WatchEvent): CoordinationNews =>
  event.kind === 'removed' ? { kind: 'over' } : { kind: 'changed', path: event.path }

/**
 * Runs `body` in a session, and again in the next one when that is over, until it returns, fails
 * for another reason, or the signal is aborted. Its own signal is aborted with the session: what
 * is held by a session ends with the body.
 */
export async function inSessions<T>(
  open: (signal: AbortSignal) => Promise<Coordinator & AsyncDisposable>,
  body: (coordinator: Coordinator, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (;;) {
    signal.throwIfAborted()
    await using coordinator = await open(signal)
    try {
      return await body(coordinator, AbortSignal.any([signal, coordinator.over]))
    } catch (thrown) {
      if (signal.aborted || !coordinator.over.aborted) throw thrown
    }
  }
}
