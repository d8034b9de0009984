// The archived log of a MariaDB or MySQL: pieces that are binary logs of their own. Reads the
// store; what leads on from a base is not said here.

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

/**
 * The complete transactions of a log, in order and as they are reached: from an offset on, which is
 * 0 or behind one of them.
 */
export type ReadGroups = (read: ReadLog, from: number) => Iterable<LoggedGroup>

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

const folder = 'log'
export const wholeKey = (name: string): string => `${folder}/${name}.binlog.zst`
export const growingKey = (name: string): string => `${folder}/${name}.binlog.growing`
export const timesKey = (name: string): string => `${folder}/${name}.times`
export const headKey = (name: string): string => `${folder}/${name}.head.json`
export const untilKey = `${folder}/received.json`

export const pieceName = (number: number): string => String(number).padStart(8, '0')

/** What the store says of a piece without reading it. */
export interface ListedPiece {
  readonly name: string
  /** As it is stored; 0 where nothing had come of it. */
  readonly bytes: number
  readonly isWhole: boolean
  /** What grew is there, also where it is whole already. */
  readonly isGrowing: boolean
}

/** All pieces, the oldest first. */
export async function listPieces(store: BackupStore): Promise<readonly ListedPiece[]> {
  const found = await store.list(`${folder}/`)
  const bytesOf = new Map(found.map(({ key, bytes }) => [key, bytes]))
  const names = found.flatMap(({ key }) => /\/(\d{8})\.head\.json$/.exec(key)?.[1] ?? [])
  return names.toSorted().map((name) => {
    const [whole, growing] = [bytesOf.get(wholeKey(name)), bytesOf.get(growingKey(name))]
    const is = { isWhole: whole !== undefined, isGrowing: growing !== undefined }
    return { name, bytes: whole ?? growing ?? 0, ...is }
  })
}

/** Names of all pieces, the oldest first. */
export const pieceNames = async (store: BackupStore): Promise<readonly string[]> =>
  (await listPieces(store)).map(({ name }) => name)

/** All of a piece that is whole, unpacked; `undefined` where it is not. */
export async function wholeBytes(store: BackupStore, name: string): Promise<Buffer | undefined> {
  if ((await store.list(wholeKey(name))).length === 0) return undefined
  const parts: Buffer[] = []
  const plain = compose(store.open(wholeKey(name)), createZstdDecompress())
  for await (const part of plain as AsyncIterable<Buffer>) parts.push(part)
  return Buffer.concat(parts)
}

/** What grew of a piece, from an offset on; `undefined` where it does not grow. */
export const growingBytes = (
  store: BackupStore,
  name: string,
  from: number,
): Promise<Buffer | undefined> => store.read(growingKey(name), from)

/** The bytes of a piece; none where nothing had come of it. */
export const pieceBytes = async (store: BackupStore, name: string): Promise<Buffer> =>
  // In this order: what grows is removed only once it is there whole.
  (await growingBytes(store, name, 0)) ?? (await wholeBytes(store, name)) ?? Buffer.alloc(0)

/** Behind the event that every piece begins with, whose length is at its ninth byte. */
export const formatEnd = (bytes: Buffer): number =>
  bytes.length < magic.length + 13 ? bytes.length : magic.length + bytes.readUInt32LE(13)

/** When a transaction was committed, in seconds: its first event says that, if not itself. */
export const secondOf = ({ from, second }: LoggedGroup, read: ReadLog): number =>
  second ?? read(from, from + 4).readUInt32LE(0)

/** When the parts of a piece had come. */
export async function timesOf(store: BackupStore, name: string): Promise<Times> {
  return new Times((await store.read(timesKey(name)))?.toString('utf8') ?? '')
}

/** Lines of `offset time`: everything before the offset had come by then. Both ascend. */
export class Times {
  readonly #lines: readonly string[]
  #next = 0

  constructor(text: string) {
    this.#lines = text.split('\n')
  }

  /** When all before an offset had come; asked in the order of offsets. */
  at(offset: number): number {
    for (; this.#next < this.#lines.length; this.#next += 1) {
      const [reached, at] = (this.#lines[this.#next] as string).split(' ').map(Number)
      if (reached === undefined || at === undefined || Number.isNaN(at)) continue
      if (reached >= offset) return at
    }
    return Number.POSITIVE_INFINITY
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
