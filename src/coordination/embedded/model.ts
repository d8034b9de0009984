// The words of the embedded server: what is in the tree, who asks, and what a write came to.

/** One line of an access control list. `perms` adds up the bits of `permission`. */
export interface AclEntry {
  readonly perms: number
  readonly scheme: string
  readonly id: string
}

/** Who a connection is: its address, and what it has proved since (`addauth`). */
export interface Identity {
  readonly scheme: string
  readonly id: string
}

/** What keeps a node alive: nothing, a session, its children, or a time without a change. */
export type Owner =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'session'; readonly session: number }
  | { readonly kind: 'container' }
  /** `ttl` in milliseconds. */
  | { readonly kind: 'ttl'; readonly ttl: number }

/** What the tree refuses to hold more of. */
export interface TreeLimits {
  /** What the nodes may take together: paths, data, lists and an allowance for each node. */
  readonly treeBytesMost: number
  /** The data of one node. */
  readonly nodeBytesMost: number
  /** Whether a quota's hard limits refuse writes (`enforceQuota` of Apache ZooKeeper). */
  readonly enforceQuota: boolean
  /** Whether nodes with a time to live may be made (`extendedTypesEnabled`). */
  readonly extendedTypes: boolean
}

/** How long sessions last. */
export interface SessionLimits {
  /** The granularity of expiry. */
  readonly tickMs: number
  readonly timeoutLeastMs: number
  readonly timeoutMostMs: number
}
