// The words of coordination: nodes, changes, epochs, roles, members. Types only.

import type { Instant, Milliseconds } from '../foundation/time.ts'

/** How a node lives: until it is deleted, or as long as the session that made it. */
export type Life = 'persistent' | 'ephemeral' | 'ephemeral-sequential'

/** A node as it was read. */
export interface CoordinationNode {
  readonly data: Buffer
  /** How often its data were changed since it was made. */
  readonly version: number
  /** The transaction that made it: no two nodes ever have the same, and later ones a higher. */
  readonly made: bigint
  /** The transaction that changed it last. */
  readonly changed: bigint
  /** The session it lives with; undefined if it is persistent. */
  readonly owner: bigint | undefined
}

/** One change of a node. Several in one `write` are made all or none. */
export type NodeChange =
  | {
      readonly kind: 'create'
      readonly path: string
      readonly data?: Uint8Array | string
      readonly life?: Life
    }
  /** Without a version any will do. */
  | {
      readonly kind: 'set'
      readonly path: string
      readonly data: Uint8Array | string
      readonly version?: number
    }
  | { readonly kind: 'delete'; readonly path: string; readonly version?: number }
  /** Changes nothing; no other change is made either, unless the node has this version. */
  | NodeCheck

/** A condition on a write: that a node is still what it was. */
export interface NodeCheck {
  readonly kind: 'check'
  readonly path: string
  readonly version: number
}

/**
 * How often a role has changed hands. Who writes for a role checks its epoch in the same write, so
 * the store itself refuses a holder that was deposed.
 */
export type Epoch = number

/** Who holds a role, as everybody can read it. */
export interface Holder {
  readonly id: string
  readonly epoch: Epoch
}

/**
 * A role while it is held. It is over when `lost` is aborted; what counts is that every write for
 * it is refused from then on, also if nobody has noticed yet.
 */
export interface Leadership {
  readonly id: string
  readonly epoch: Epoch
  /** Put this into every write for the role. */
  readonly guard: NodeCheck
  /** Who held the role before, if anybody did. */
  readonly before: Holder | undefined
  /** Aborted when the role is lost, with the reason. */
  readonly lost: AbortSignal
  /**
   * Changes nodes in this role: all or none, and none once somebody else has a later epoch. Then,
   * and when the role is lost, it rejects.
   */
  write(changes: readonly NodeChange[], signal?: AbortSignal): Promise<readonly string[]>
  /** Until when nobody else can act in this role, unless renewed: for guards and leases. */
  validUntil(): Instant
}

/** How a role is held. */
export interface RolePolicy {
  /** The node whose children hold the role: `/roles/orders`. */
  readonly path: string
  /** Who stands for it, as people know it: the name of a machine. */
  readonly id: string
  /** How long a holder may act after it last renewed: at most the session's time-out. */
  readonly lease: Milliseconds
  /** How often it renews; a seventh of the lease unless said otherwise. */
  readonly every?: Milliseconds
  /** What is kept back of the lease for a holder to stop in; a tenth unless said otherwise. */
  readonly margin?: Milliseconds
  /**
   * A holder that has not renewed for at least so long is deposed although its session lives, and
   * its successor waits for no lease. Only for a role whose every deed is a `write` of its
   * `Leadership`: the store refuses those of a holder that was deposed, and nothing else could
   * have been done by it. Every candidate must say the same.
   */
  readonly silence?: Milliseconds
}

/** One that takes part, as long as its session lives. */
export interface Member<T> {
  readonly id: string
  readonly value: T
  /** The transaction it joined with: whoever joined earlier has a lower one. */
  readonly joined: bigint
}

/** A value with the version to compare when it is replaced. */
export interface Versioned<T> {
  readonly value: T
  readonly version: number
}

/** One machine of the cluster, as the file names it. */
export interface Machine {
  readonly name: string
  /** Where the other machines reach it. */
  readonly address: string
  /** What it shares its fate with; undefined where the file does not say. */
  readonly zone: string | undefined
  /** How much it carries beside others; 1 where the file does not say. */
  readonly capacity?: number
}

/** An address with its port. */
export interface Endpoint {
  readonly host: string
  readonly port: number
}

/** Files in PEM that TLS goes by; without `ca`, the system's authorities are trusted. */
export interface TlsFiles {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
}

interface SharedPlan {
  /** The node below which everything of this file lives. */
  readonly chroot: string
  /** How long a machine may be silent before it counts as lost. */
  readonly session: Milliseconds
}

/** Apache ZooKeeper that something else runs. */
export interface ExistingPlan extends SharedPlan {
  readonly kind: 'zookeeper'
  readonly servers: readonly Endpoint[]
  /** undefined: not over TLS. */
  readonly tls: TlsFiles | undefined
}

/** Apache ZooKeeper that Always On runs on some of the machines. */
export interface ManagedPlan extends SharedPlan {
  readonly kind: 'managed'
  /** The machines that run it, in the order of their numbers: the first is server 1. */
  readonly members: readonly Machine[]
  readonly ports: { readonly client: number; readonly peer: number; readonly election: number }
  /** An unpacked Apache ZooKeeper; undefined: Debian's package. */
  readonly home: string | undefined
  /** Its data on each machine; undefined: beside the file's other state. */
  readonly data: string | undefined
  readonly heapBytes: number
}

/** What the machines agree through. */
export type CoordinationPlan =
  /** A server of our own: there is one machine only. */
  { readonly kind: 'embedded' } | ExistingPlan | ManagedPlan
