// The archived log of a MariaDB or MySQL: pieces that are binary logs of their own, and what of
// them had been committed by a moment. Reads the store; what leads on from a base is not said here.

import { compose } from 'node:stream'
import { createZstdDecompress } from 'node:zlib'
import { type Instant, instant } from '../../../foundation/time.ts'
import type { BackupStore } from '../../backups/store.ts'

/** A log begins with these four bytes, and its first event. */
export const magic = Buffer.from([0xfe, 0x62, 0x69, 0x6e])

/** Reads bytes `from` to `to` of a log; fewer where it ends. */
export type ReadLog = (from: number, to: number) => Buffer

/** A transaction in a log: all events from its GTID on. */
export interface LoggedGroup {
  readonly gtid: string
  /** The offset of its first byte in the file, and of the first one behind it. */
  readonly from: number
  readonly to: number
  /** When it was committed, where the log says that otherwise than at its beginning. */
  readonly second?: number
}

/** The complete transactions of a log, in order. */
export type ReadGroups = (read: ReadLog) => readonly LoggedGroup[]

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
  /** What went before its first one, as the engine says it; empty: the log begins here. */
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
export async function readPiece(
  store: BackupStore,
  name: string,
  readGroups: ReadGroups,
): Promise<Piece> {
  const head = JSON.parse((await store.read(headKey(name)))?.toString('utf8') ?? '{}')
  const bytes = await pieceBytes(store, name)
  const times = timesIn((await store.read(timesKey(name)))?.toString('utf8') ?? '')
  const found = readGroups((from, to) => bytes.subarray(from, to))
  const groups = found.map((group) => received(group, bytes, times))
  const isWhole = (await store.list(wholeKey(name))).length > 0
  return { name, after: String(head.after ?? ''), isWhole, groups }
}

/** All pieces of stores, as they are read again and again: those that are whole are read once. */
export class KnownPieces {
  readonly #readGroups: ReadGroups
  readonly #known = new Map<string, Piece>()

  constructor(readGroups: ReadGroups) {
    this.#readGroups = readGroups
  }

  /** The oldest first. */
  async all(store: BackupStore): Promise<readonly Piece[]> {
    const pieces: Piece[] = []
    for (const name of await pieceNames(store)) {
      const key = `${store.place}/${name}`
      const piece = this.#known.get(key) ?? (await readPiece(store, name, this.#readGroups))
      if (piece.isWhole) this.#known.set(key, piece)
      pieces.push(piece)
    }
    return pieces
  }
}

/** Removes the pieces before the one that is needed. */
export async function removePieces(
  store: BackupStore,
  needed: string,
  signal: AbortSignal,
): Promise<void> {
  for (const name of await pieceNames(store)) {
    signal.throwIfAborted()
    if (name >= needed) return
    for (const key of [headKey, wholeKey, growingKey, timesKey]) await store.remove(key(name))
  }
}

/** When the log was received last, for whoever restores while nothing is received. */
export async function receivedUntil(store: BackupStore): Promise<Instant | undefined> {
  const text = (await store.read(untilKey))?.toString('utf8')
  return text === undefined ? undefined : instant(Number(JSON.parse(text).until))
}

/** Lines of `offset time`: everything before the offset had come by then. */
const timesIn = (text: string): readonly (readonly [number, number])[] =>
  text.split('\n').flatMap((line) => {
    const [offset, at] = line.split(' ').map(Number)
    return offset === undefined || at === undefined || Number.isNaN(at) ? [] : [[offset, at]]
  })

function received(
  { gtid, from, to, second }: LoggedGroup,
  bytes: Buffer,
  times: readonly (readonly [number, number])[],
): Received {
  const at = times.find(([offset]) => offset >= to)?.[1] ?? Number.POSITIVE_INFINITY
  return { gtid, from, to, second: second ?? bytes.readUInt32LE(from), at }
}

/** What of a piece belongs to a chain. */
export interface ChainPart {
  readonly piece: Piece
  readonly groups: readonly Received[]
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
