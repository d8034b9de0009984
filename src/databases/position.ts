// Which of two positions is further, and is it on a history that counts? Pure.

import type { DatabaseRecord, Position } from './model.ts'

/** Before anything was written. */
export const origin: Position = { line: 0, at: 0 }

/** Negative when `a` is behind `b`: a later line is further, since promotion made it so. */
export const comparePositions = (a: Position, b: Position): number =>
  a.line === b.line ? a.at - b.at : a.line - b.line

/** Whether whoever is at `position` has all that lies at or before `mark`. */
export const reaches = (position: Position, mark: Position): boolean =>
  comparePositions(position, mark) >= 0

/** What a member that comes back has and nobody else does. */
export type Tail =
  /** Nothing: it may follow from where it is. */
  | { readonly kind: 'none' }
  /**
   * It went on after the point at which a later primary began. A promotion that outvoted its set
   * proves that none of it was acknowledged; one with accepted loss does not.
   */
  | { readonly kind: 'unacknowledged' | 'perhaps-acknowledged'; readonly from: Position }
  /** It is on a history that no proof speaks of, or may be. */
  | { readonly kind: 'unknown' }

/**
 * What a member at `position`, which last took part at `epoch`, has beyond the common history.
 * Every promotion since then counts: one at a loss may have begun before the one it came after.
 */
export function tailOf(position: Position, epoch: number, record: DatabaseRecord): Tail {
  if (isOfAnother(epoch, record)) return { kind: 'unknown' }
  let from: Position | undefined
  let isProven = true
  // Of an epoch whose proofs are gone: known all the same if a promotion began on its very line.
  const isLate = (record.proofs[0]?.epoch ?? 0) > epoch
  let isPlaced = epoch >= record.proofsSince || !isLate
  for (const { epoch: later, start, acceptedLoss } of record.proofs) {
    if (later <= epoch) break
    if (position.line > start.line) return { kind: 'unknown' }
    isPlaced ||= position.line === start.line && position.at <= start.at
    if (position.line < start.line || position.at <= start.at) continue
    if (from === undefined || start.at < from.at) from = start
    isProven &&= !acceptedLoss
  }
  if (from === undefined) return { kind: isPlaced ? 'none' : 'unknown' }
  if (epoch < record.proofsSince) return { kind: 'unknown' }
  return { kind: isProven ? 'unacknowledged' : 'perhaps-acknowledged', from }
}

/** Nobody has been promoted at this epoch by this record: it is of one that is gone. */
function isOfAnother(epoch: number, { proofs, phase }: DatabaseRecord): boolean {
  const last = proofs[0]?.epoch
  if (last === undefined || epoch <= last) return false
  const tried = phase.kind === 'electing' || phase.kind === 'promoting' ? phase.tried : undefined
  return epoch > (tried?.[0]?.epoch ?? last)
}
