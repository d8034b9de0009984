// What does the manifest of a base say of PostgreSQL? Names of its parts, and positions. Pure.

import { Fault } from '../../../foundation/fault.ts'
import type { Position } from '../../model.ts'
import { parseLsn } from './lsn.ts'

/** Names of the two parts of a base. */
export const archivePart = 'data.tar.zst'
export const manifestPart = 'backup_manifest.zst'

/** Reads `3:0/A1B2C3D4`: timeline and position. Throws a `Fault` for what is none. */
export function readPoint(text: string): Position {
  const [line, lsn] = text.split(':')
  const at = parseLsn(lsn)
  if (line !== undefined && at !== undefined) return { line: Number(line), at }
  throw new Fault('corrupt', `${text} is no position in the log of PostgreSQL`)
}
