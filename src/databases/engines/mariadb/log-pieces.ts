// The archived log of a MariaDB: pieces that are binary logs of their own, and which transactions
// of them lead on from a base. Reads the store; the chain itself is pure.

import { compose } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import type { Instant } from '../../../foundation/time.ts'
import type { BackupStore } from '../../backups/store.ts'
import { type Group, readLog } from './binary-log.ts'
import { formatGtid } from './gtid.ts'

/** One transaction: where it lies in its piece, and when it was committed and received. */
export interface Received {
  readonly gtid: string
  readonly from: number
  readonly to: number
  /** By the primary's clock, in whole seconds. */
  readonly second: number
  /** By the clock of whoever received it. */
  readonly at: number
}

/** A stretch of the log that came over one connection. */
export interface Piece {
  readonly name: string
  /** The transaction before its first one; empty: the log begins here. */
  readonly after: string
  readonly isWhole: boolean
  readonly groups: readonly Received[]
}

const folder = 'log'
export const wholeKey = (name: string): string => `${folder}/${name}.binlog.zst`
export const growingKey = (name: string): string => `${folder}/${name}.binlog.growing`
export const timesKey = (name: string): string => `${folder}/${name}.times`
export const headKey = (name: string): string => `${folder}/${name}.head.json`
export const untilKey = `${folder}/received.json`

export const pieceName = (number: number): string => String(number).padStart(8, '0')

/** Names of all pieces, the oldest first. */
export async function pieceNames(store: BackupStore): Promise<readonly string[]> {
  const keys = (await store.list(`${folder}/`)).map(({ key }) => key)
  return keys.flatMap((key) => /\/(\d{8})\.head\.json$/.exec(key)?.[1] ?? []).toSorted()
}

/** The bytes of a piece; none where nothing had come of it. */
export async function pieceBytes(store: BackupStore, name: string): Promise<Buffer> {
  const keys = new Set((await store.list(`${folder}/${name}`)).map(({ key }) => key))
  if (keys.has(wholeKey(name))) {
    const parts: Buffer[] = []
    const plain = compose(store.open(wholeKey(name)), createZstdDecompress())
    for await (const part of plain as AsyncIterable<Buffer>) parts.push(part)
    return Buffer.concat(parts)
  }
  return (await store.read(growingKey(name))) ?? Buffer.alloc(0)
}

/** One piece with its transactions that are complete. */
export async function readPiece(store: BackupStore, name: string): Promise<Piece> {
  const head = JSON.parse((await store.read(headKey(name)))?.toString('utf8') ?? '{}')
  const bytes = await pieceBytes(store, name)
  const times = timesIn((await store.read(timesKey(name)))?.toString('utf8') ?? '')
  const content = readLog((from, to) => bytes.subarray(from, to))
  const groups = (content?.groups ?? []).map((group) => received(group, bytes, times))
  const isWhole = (await store.list(wholeKey(name))).length > 0
  return { name, after: String(head.after ?? ''), isWhole, groups }
}

/** Lines of `offset time`: everything before the offset had come by then. */
const timesIn = (text: string): readonly (readonly [number, number])[] =>
  text.split('\n').flatMap((line) => {
    const [offset, at] = line.split(' ').map(Number)
    return offset === undefined || at === undefined || Number.isNaN(at) ? [] : [[offset, at]]
  })

function received(
  { gtid, from, to }: Group,
  bytes: Buffer,
  times: readonly (readonly [number, number])[],
): Received {
  const at = times.find(([offset]) => offset >= to)?.[1] ?? Number.POSITIVE_INFINITY
  return { gtid: formatGtid(gtid), from, to, second: bytes.readUInt32LE(from), at }
}

/** What of a piece belongs to a chain. */
export interface ChainPart {
  readonly piece: Piece
  readonly groups: readonly Received[]
}

/**
 * The transactions that lead on from `after`, without a gap to the last piece; `undefined` if one
 * is missing. What a primary wrote that was then outvoted is left out: the next piece begins
 * before it.
 */
export function chainFrom(
  pieces: readonly Piece[],
  after: string,
): readonly ChainPart[] | undefined {
  let parts: ChainPart[] | undefined
  for (const piece of pieces) {
    if (parts !== undefined) {
      const kept = upTo(parts, piece.after, after)
      if (kept !== undefined) {
        parts = [...kept, { piece, groups: piece.groups }]
        continue
      }
      // It begins anew, and may hold what follows `after` all the same.
      parts = undefined
    }
    if (piece.after === after) parts = [{ piece, groups: piece.groups }]
    else {
      const at = piece.groups.findIndex(({ gtid }) => gtid === after)
      if (at !== -1) parts = [{ piece, groups: piece.groups.slice(at + 1) }]
    }
  }
  return parts
}

/** The parts up to the transaction `gtid`, which is `after` where they are to be empty. */
function upTo(
  parts: readonly ChainPart[],
  gtid: string,
  after: string,
): readonly ChainPart[] | undefined {
  if (gtid === after) return []
  for (let index = parts.length - 1; index >= 0; index -= 1) {
    const { piece, groups } = parts[index] as ChainPart
    const at = groups.findIndex((each) => each.gtid === gtid)
    if (at !== -1) return [...parts.slice(0, index), { piece, groups: groups.slice(0, at + 1) }]
  }
  return undefined
}

/**
 * What of a chain had been committed by a moment: by the second that the primary wrote down, and
 * within that second by when it was received. `isExact`: something later is there.
 */
export function cutAt(
  chain: readonly ChainPart[],
  to: Instant,
): { readonly parts: readonly ChainPart[]; readonly isExact: boolean } {
  const second = Math.floor(to / 1000)
  const isLater = (each: Received): boolean =>
    each.second > second || (each.second === second && each.at > to)
  const parts: ChainPart[] = []
  for (const { piece, groups } of chain) {
    const cut = groups.findIndex(isLater)
    if (cut === -1) parts.push({ piece, groups })
    else return { parts: [...parts, { piece, groups: groups.slice(0, cut) }], isExact: true }
  }
  return { parts, isExact: false }
}
