// What can be told to an embedded server, and what is it told if nobody says anything?

import { frameBytesMost } from '../../wire/jute/frames.ts'
import type { SessionLimits, TreeLimits } from './model.ts'

/** The limits of a server. Sizes in bytes, times in milliseconds. */
export interface ServerLimits extends TreeLimits, SessionLimits {
  /** `jute.maxbuffer`: the longest frame. */
  readonly frameBytesMost: number
  readonly connectionsMost: number
  /** `maxClientCnxns`: connections of one address; 0 for as many as there may be. */
  readonly connectionsPerAddressMost: number
  /** Sessions; a client that asks for one more is not let in. */
  readonly sessionsMost: number
  /** What all watches may take together: paths, and an allowance for each. */
  readonly watchBytesMost: number
  /** How long a connection may be silent before it has a session. */
  readonly handshakeMostMs: number
  /** Requests of one connection that may wait for the disk: with more it is not read from. */
  readonly outstandingMost: number
  /** The bytes of all requests that wait for the disk together. */
  readonly pendingBytesMost: number
  /** The answers and events that may wait for one connection; it is closed when there are more. */
  readonly unsentBytesMost: number
  /** How often containers and nodes with a time to live are looked at. */
  readonly overdueCheckMs: number
  /** A new log is begun when one has so many bytes. */
  readonly logBytesMost: number
  /** A snapshot is taken when the logs behind the last one have so many bytes. */
  readonly snapshotAfterBytes: number
  /** How many snapshots are kept, with the logs that go on from the oldest. */
  readonly snapshotsKept: number
}

const tickMs = 500

/** What a server does unless told otherwise. Apache ZooKeeper's defaults, where it has one. */
export const defaultLimits: ServerLimits = {
  tickMs,
  timeoutLeastMs: 2 * tickMs,
  timeoutMostMs: 60_000,
  treeBytesMost: 256 * 1024 * 1024,
  nodeBytesMost: frameBytesMost,
  enforceQuota: true,
  extendedTypes: true,
  frameBytesMost,
  connectionsMost: 12_000,
  connectionsPerAddressMost: 0,
  sessionsMost: 100_000,
  watchBytesMost: 128 * 1024 * 1024,
  handshakeMostMs: 10_000,
  outstandingMost: 1000,
  pendingBytesMost: 32 * 1024 * 1024,
  unsentBytesMost: 64 * 1024 * 1024,
  overdueCheckMs: 60_000,
  logBytesMost: 64 * 1024 * 1024,
  snapshotAfterBytes: 64 * 1024 * 1024,
  snapshotsKept: 3,
}
