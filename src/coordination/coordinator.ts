// The port: a small tree of nodes that several machines agree on, as one session sees it.

import type { Milliseconds } from '../foundation/time.ts'
import { ZooKeeperError } from './client/errors.ts'
import type { CoordinationNode, NodeChange } from './model.ts'

/** What a watch says: look again, or that it is over. */
export type CoordinationNews =
  /** Something there changed; or may have, while the connection was lost. */
  | { readonly kind: 'changed'; readonly path: string }
  /** The session is over: nothing more will be heard. */
  | { readonly kind: 'over' }

/**
 * One session with a coordination server. Reads may be of the past, but never go back; writes are
 * of the present. Every method rejects with the signal's reason, with `over`'s reason once the
 * session is over, or with an error that `whyNot` can tell.
 */
export interface Coordinator {
  /** The session that ephemeral nodes made through this live with. */
  readonly session: bigint
  /** How long the session outlives its connection. */
  readonly timeout: Milliseconds
  /** Aborted, with the reason, when the session is over. */
  readonly over: AbortSignal
  /** A node; undefined if there is none. */
  read(path: string, signal?: AbortSignal): Promise<CoordinationNode | undefined>
  /** The names of a node's children; undefined if there is no such node. */
  list(path: string, signal?: AbortSignal): Promise<readonly string[] | undefined>
  /** Makes all changes or none; returns the paths, with the numbers of sequential nodes. */
  write(changes: readonly NodeChange[], signal?: AbortSignal): Promise<readonly string[]>
  /**
   * Calls `listener` for changes of the node and its list of children, or with `deep` of all below
   * it, until disposed; before any read shows them.
   */
  watch(
    path: string,
    deep: boolean,
    listener: (news: CoordinationNews) => void,
    signal?: AbortSignal,
  ): Promise<AsyncDisposable>
  /** What is read after it is no older than this call. */
  sync(signal?: AbortSignal): Promise<void>
}

/** Why a read or a write did not succeed. */
export type WhyNot =
  /** A node is there, or is not, or has another version: somebody else was faster. */
  | 'missing'
  | 'exists'
  | 'version'
  | 'not-empty'
  /** The connection was lost, and nothing was changed. */
  | 'not-done'
  /** The connection was lost: whether it was done is not known, look before trying again. */
  | 'unknown'
  /** The session is over. */
  | 'over'

/** Why an operation of a coordinator did not succeed; undefined for any other failure. */
export function whyNot(thrown: unknown): WhyNot | undefined {
  if (!(thrown instanceof ZooKeeperError)) return undefined
  switch (thrown.error) {
    case 'no-node':
      return 'missing'
    case 'node-exists':
      return 'exists'
    case 'bad-version':
      return 'version'
    case 'not-empty':
      return 'not-empty'
    case 'connection-loss':
      return thrown.maybeApplied ? 'unknown' : 'not-done'
    case 'session-expired':
      return 'over'
    default:
      return undefined
  }
}

/** Of a write that failed: the index of the change that could not be made. */
export const failedAt = (thrown: unknown): number | undefined =>
  thrown instanceof ZooKeeperError ? thrown.failedAt : undefined

/** Whether a read or a write is worth asking again: the connection was lost, and nothing done. */
export const isTransient = (thrown: unknown): boolean => whyNot(thrown) === 'not-done'
