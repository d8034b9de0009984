// What does a GTID of MariaDB say about where a member is? Pure: server ids and positions.

import type { Position } from '../../model.ts'
import { comparePositions, origin } from '../../position.ts'

/** A global transaction id, `domain-server-sequence`; its three numbers are the server's own. */
export interface Gtid {
  readonly domain: number
  readonly server: number
  readonly seq: number
}

/** All of a database is one history: one domain. */
export const domain = 0

/** Members of one database, at most: what is left of a server id for them. */
export const membersMost = 62

/** A server id is 32 bits (1 to 2^32 - 1): the epoch, and these last six for the member. */
const perEpoch = 64

/** The highest epoch that a server id can say. */
export const epochMost = Math.floor((2 ** 32 - 1) / perEpoch) - 1

/**
 * By what a primary writes: every GTID then says the epoch that it was written at, and no two
 * servers ever write with the same id. `index` is the member's place in the file, from 0.
 */
export const primaryServerId = (epoch: number, index: number): number => epoch * perEpoch + index

/**
 * By what a member goes while it is no primary: below any that writes, so that a replica never
 * takes what it once wrote itself for something it has (servers skip events of their own id).
 */
export const replicaServerId = (index: number): number => index + 1

/** The epoch at which whoever has this id is primary; 0 for a replica. */
export const epochOf = (serverId: number): number => Math.floor(serverId / perEpoch)

/** Reads `0-129-5,…`, as `gtid_binlog_pos` and its like are written; throws on anything else. */
export function parseGtids(text: string): readonly Gtid[] {
  return text
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '')
    .map((each) => {
      const match = /^(\d+)-(\d+)-(\d+)$/.exec(each)
      if (match === null) throw new Error(`${each} is no GTID`)
      return { domain: Number(match[1]), server: Number(match[2]), seq: Number(match[3]) }
    })
}

export const formatGtid = (gtid: Gtid): string => `${gtid.domain}-${gtid.server}-${gtid.seq}`

export const positionOf = (gtid: Gtid): Position => ({
  line: epochOf(gtid.server),
  at: gtid.seq,
})

/** The furthest position that any of these lists of GTIDs says. */
export function furthest(...lists: readonly string[]): Position {
  return lists
    .flatMap((list) => parseGtids(list))
    .filter((gtid) => gtid.domain === domain)
    .map(positionOf)
    .reduce((a, b) => (comparePositions(a, b) >= 0 ? a : b), origin)
}

/** The furthest GTID of a list; `undefined` of an empty one. */
export function furthestGtid(...lists: readonly string[]): Gtid | undefined {
  return lists
    .flatMap((list) => parseGtids(list))
    .filter((gtid) => gtid.domain === domain)
    .toSorted((a, b) => comparePositions(positionOf(b), positionOf(a)))[0]
}
