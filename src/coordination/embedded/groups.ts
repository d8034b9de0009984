// How do records lie in a file so that damage is seen? In groups: what became safe together, behind
// a header with a checksum. Logs and snapshots are made of them. Pure.

import { crc32 } from 'node:zlib'
import { getInt, getLong, putInt, putLong, type Sink } from './bytes.ts'

/** The bytes before a file's first group: what it is, its number, a checksum. */
export const fileHeaderBytes = 24
/** The bytes before a group's records: magic, checksum, length, count, number. */
export const groupHeaderBytes = 24

const groupMagic = 0x416f5a67

/** What a file holds: the first eight bytes. */
export const fileKind = { log: 'AOZKLOG1', snapshot: 'AOZKSNP1' } as const
export type FileKind = keyof typeof fileKind

/** What stands at the start of a file. */
export interface FileHeader {
  /** Of a log, its first transaction; of a snapshot, the last that it holds. */
  readonly number: number
  /**
   * Drawn for each file, and mixed into its checksums: what a client wrote as data, or what a disk
   * kept of another file, is never taken for a group.
   */
  readonly salt: number
}

/** The first bytes of a file. */
export function fileHeader(kind: FileKind, { number, salt }: FileHeader): Buffer {
  const header = Buffer.alloc(fileHeaderBytes)
  header.write(fileKind[kind], 'latin1')
  putLong(header, 8, number)
  putInt(header, 16, salt)
  putInt(header, 20, crc32(header.subarray(0, 20)))
  return header
}

/** What a file's header says; `undefined` if it is not such a file's. */
export function readFileHeader(bytes: Buffer, kind: FileKind): FileHeader | undefined {
  if (bytes.length < fileHeaderBytes) return undefined
  if (bytes.toString('latin1', 0, 8) !== fileKind[kind]) return undefined
  if (crc32(bytes.subarray(0, 20)) !== getInt(bytes, 20) >>> 0) return undefined
  return { number: getLong(bytes, 8), salt: getInt(bytes, 16) >>> 0 }
}

/** Leaves room for a group's header at the start of an empty sink. */
export function beginGroup(sink: Sink): void {
  sink.clear()
  sink.room(groupHeaderBytes)
}

/** Writes the header of a group of `count` records; `number` is its first transaction. */
export function sealGroup(sink: Sink, count: number, number: number, salt: number): void {
  const { bytes, length } = sink
  putInt(bytes, 0, groupMagic)
  putInt(bytes, 8, length - groupHeaderBytes)
  putInt(bytes, 12, count)
  putLong(bytes, 16, number)
  putInt(bytes, 4, crc32(bytes.subarray(8, length), salt))
}

/** A group as it lies in a file: its records are `bytes[start, end)`. */
export interface Group {
  readonly at: number
  readonly start: number
  readonly end: number
  readonly count: number
  readonly number: number
}

/** The group at `at`, if there is a whole and unharmed one. */
export function groupAt(bytes: Buffer, at: number, salt: number): Group | undefined {
  if (at + groupHeaderBytes > bytes.length || getInt(bytes, at) !== groupMagic) return undefined
  const length = getInt(bytes, at + 8)
  const start = at + groupHeaderBytes
  if (length < 0 || start + length > bytes.length) return undefined
  const end = start + length
  if (crc32(bytes.subarray(at + 8, end), salt) !== getInt(bytes, at + 4) >>> 0) return undefined
  return { at, start, end, count: getInt(bytes, at + 12), number: getLong(bytes, at + 16) }
}

/** How a file ends: as it was written, with a write that was cut short, or with damage before. */
export type Ending =
  | { readonly kind: 'whole'; readonly at: number }
  | { readonly kind: 'torn'; readonly at: number }
  | { readonly kind: 'damaged'; readonly at: number; readonly wholeAgainAt: number }

/**
 * The groups of a file from `at`, and how it ends. A group is written only when the one before is
 * safe; so where something is wrong and a whole group follows, what is wrong had been safe, and is
 * damage. With nothing whole behind it, it is a write that was cut short, and was never answered.
 */
export function readGroups(
  bytes: Buffer,
  at: number,
  salt: number,
): { readonly groups: readonly Group[]; readonly ending: Ending } {
  const groups: Group[] = []
  let here = at
  for (;;) {
    const group = groupAt(bytes, here, salt)
    if (group === undefined) return { groups, ending: endingAt(bytes, here, salt) }
    groups.push(group)
    here = group.end
  }
}

function endingAt(bytes: Buffer, at: number, salt: number): Ending {
  let isZero = true
  for (let index = at; index < bytes.length && isZero; index += 1) isZero = bytes[index] === 0
  if (isZero) return { kind: 'whole', at }
  const magic = Buffer.alloc(4)
  putInt(magic, 0, groupMagic)
  let found = bytes.indexOf(magic, at + 1)
  while (found >= 0) {
    if (groupAt(bytes, found, salt) !== undefined)
      return { kind: 'damaged', at, wholeAgainAt: found }
    found = bytes.indexOf(magic, found + 1)
  }
  return { kind: 'torn', at }
}
