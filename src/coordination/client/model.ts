// The words of the ZooKeeper client: what is asked, what is answered, what is watched. Types only.

import type { Milliseconds } from '../../foundation/time.ts'
import type { CreateMode, permission } from '../../wire/jute/opcodes.ts'
import type { Acl, Id, Stat } from '../../wire/jute/records.ts'

export type { Acl, CreateMode, Id, Stat }

/** A permission by name; `all` is the other five. */
export type Permission = keyof typeof permission

/** Where a server listens for clients. */
export interface Host {
  readonly host: string
  readonly port: number
}

/** How the session stands, as `client.state` tells it. */
export type ClientState =
  /** Not connected, and trying. Ephemeral nodes and watches live on while the session does. */
  | { readonly kind: 'connecting' }
  | {
      readonly kind: 'connected'
      /** `host:port` of the server. */
      readonly server: string
      readonly sessionId: bigint
      /** The session time-out that was negotiated. */
      readonly timeout: Milliseconds
      /** The server is cut off from its quorum: it reads, perhaps stale, and refuses writes. */
      readonly readOnly: boolean
    }
  /** The session is gone for good, and with it its ephemeral nodes and watches. */
  | { readonly kind: 'over'; readonly why: SessionEnd }

/** Why a session ended. */
export type SessionEnd =
  /** Nobody heard of it for longer than its time-out: said by a server, or concluded alone. */
  | 'expired'
  /** It was closed by whoever opened it. */
  | 'closed'
  /** A server refused the credentials. */
  | 'auth-failed'

/** What a watch tells. */
export type WatchEvent =
  | {
      readonly kind: 'created' | 'deleted' | 'data-changed' | 'children-changed'
      readonly path: string
    }
  /**
   * Only for watches made by `addWatch`: the connection was lost and is back. The watch goes on,
   * but what changed in between has not been told: look again.
   */
  | { readonly kind: 'gap'; readonly path: string }
  /** The last word of a watch: it was removed, or the session is over. */
  | { readonly kind: 'removed'; readonly path: string; readonly why: SessionEnd | 'removed' }

/** Hears what a watch tells. Called in the order of the server, before answers sent after it. */
export type WatchListener = (event: WatchEvent) => void

/** A node's data with its stat. */
export interface NodeData {
  /** Empty, also where the node holds a null. A copy that is the caller's. */
  readonly data: Buffer
  readonly stat: Stat
}

/** A node's children with its stat. */
export interface NodeChildren {
  /** Names without a path, in no order. */
  readonly children: readonly string[]
  readonly stat: Stat
}

/** A node as it was made. */
export interface Created {
  /** With the number that a sequential node got. */
  readonly path: string
  readonly stat: Stat
}

export interface CreateOptions {
  /** `persistent` unless said otherwise. */
  readonly mode?: CreateMode
  /** Who may do what with it; everybody everything unless said otherwise. */
  readonly acl?: readonly Acl[]
  /** For the modes `ttl` and `ttl-sequential`: how long it lives unchanged without children. */
  readonly ttl?: Milliseconds
}

export interface VersionOptions {
  /** The version the node must have; any, unless said otherwise. */
  readonly version?: number
}

export interface WatchOptions {
  /** Called once, when what was read has changed. */
  readonly watch?: WatchListener
}

/** One operation of a `multi`. */
export type Change =
  | ({
      readonly kind: 'create'
      readonly path: string
      readonly data?: Uint8Array | string
    } & CreateOptions)
  | ({
      readonly kind: 'set'
      readonly path: string
      readonly data: Uint8Array | string
    } & VersionOptions)
  | ({ readonly kind: 'delete'; readonly path: string } & VersionOptions)
  /** Changes nothing; the whole multi fails unless the node has this version. */
  | { readonly kind: 'check'; readonly path: string; readonly version: number }

/** What became of one operation of a `multi`, in their order. */
export type Changed =
  /** `stat` is of containers and nodes with a TTL: of others a multi answers with the path only. */
  | { readonly kind: 'create'; readonly path: string; readonly stat: Stat | undefined }
  | { readonly kind: 'set'; readonly stat: Stat }
  | { readonly kind: 'delete' }
  | { readonly kind: 'check' }

/** One operation of a `multiRead`. */
export interface Read {
  readonly kind: 'data' | 'children'
  readonly path: string
}

/** What became of one operation of a `multiRead`; one may fail beside others that do not. */
export type ReadResult =
  | ({ readonly kind: 'data' } & NodeData)
  | { readonly kind: 'children'; readonly children: readonly string[] }
  | { readonly kind: 'error'; readonly error: Error }

/** A watch that stays until it is disposed, or the session is over. */
export interface Watch extends AsyncDisposable {
  readonly path: string
  readonly recursive: boolean
}
