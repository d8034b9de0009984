// What does a stopped server say of itself? Reads global/pg_control (pg_control.h of versions 14 to
// 18, whose first 232 bytes are laid out alike), and believes nothing whose checksum is wrong.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Fault, systemCode } from '../../../foundation/fault.ts'
import { crc32c } from './crc32c.ts'

/** How a server ended, or that it did not: `DBState` in pg_control.h. */
export type DataState = 'shut-down' | 'shut-down-in-recovery' | 'not-shut-down'

export interface ControlFile {
  /** Names the database that all members are copies of: a number of 64 bits. */
  readonly systemId: string
  readonly state: DataState
  /** Where its last checkpoint's record begins, and on which timeline. */
  readonly checkpoint: { readonly line: number; readonly at: number }
  /** Of a standby: it has applied this at least; `undefined` for a primary. */
  readonly minRecovery: { readonly line: number; readonly at: number } | undefined
  readonly segmentBytes: number
  /** What a server that applies this log has to have of these at least. */
  readonly least: Readonly<Record<(typeof leastNames)[number], number>>
}

/** In the order in which they are laid out, from byte 180. */
const leastNames = [
  'max_connections',
  'max_worker_processes',
  'max_wal_senders',
  'max_prepared_transactions',
  'max_locks_per_transaction',
] as const
const leastAt = 180

const bigAt = (bytes: Buffer, at: number): number => Number(bytes.readBigUInt64LE(at))

/** The sum stands behind the last field; where that is differs from version to version. */
function isWhole(bytes: Buffer): boolean {
  for (let at = 240; at <= 400 && at + 4 <= bytes.length; at += 4) {
    if (bytes.readUInt32LE(at) === crc32c(bytes.subarray(0, at))) return true
  }
  return false
}

/** Makes sense of the file's bytes; `undefined` if they are not whole. */
export function parseControlFile(bytes: Buffer): ControlFile | undefined {
  if (bytes.length < 400) return undefined
  const version = bytes.readUInt32LE(8)
  if (version < 1300 || version >= 1900 || !isWhole(bytes)) return undefined
  const state = bytes.readUInt32LE(16)
  const minRecoveryAt = bigAt(bytes, 136)
  return {
    systemId: bytes.readBigUInt64LE(0).toString(),
    state: state === 1 ? 'shut-down' : state === 2 ? 'shut-down-in-recovery' : 'not-shut-down',
    checkpoint: { line: bytes.readUInt32LE(48), at: bigAt(bytes, 32) },
    minRecovery:
      minRecoveryAt === 0 ? undefined : { line: bytes.readUInt32LE(144), at: minRecoveryAt },
    segmentBytes: bytes.readUInt32LE(228),
    least: Object.fromEntries(
      leastNames.map((name, index) => [name, bytes.readInt32LE(leastAt + 4 * index)]),
    ) as ControlFile['least'],
  }
}

/** Of the data in this folder; `undefined` where there is none. Rejects with a `Fault`. */
export async function readControlFile(data: string): Promise<ControlFile | undefined> {
  const path = join(data, 'global', 'pg_control')
  let bytes: Buffer
  try {
    bytes = await readFile(path)
  } catch (cause) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(cause) ?? '')) return undefined
    throw new Fault('failed', `cannot read ${path}`, {
      remedy: `let this user read ${data}`,
      cause,
    })
  }
  const parsed = parseControlFile(bytes)
  if (parsed !== undefined) return parsed
  throw new Fault('corrupt', `${path} is damaged, or of a version before 14 or after 18`, {
    remedy: 'copy this member anew: alwayson reinit',
  })
}
