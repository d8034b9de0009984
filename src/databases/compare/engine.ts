// The port: reads what one member has, without disturbing who works there.

import type { MemberAddress } from '../engine.ts'
import type { ComparedTable, RowSums, Stretch, StretchSum } from './model.ts'

/** Data that its own server calls damaged. */
export class Unreadable extends Error {}

/** One member, opened to be read. Methods reject with `Unreadable` for damaged data. */
export interface MemberReader extends Disposable {
  /** Tables of all databases of users. */
  tables(signal: AbortSignal): Promise<readonly ComparedTable[]>
  /** The table in stretches that are quick to read; the last one has no end. */
  stretches(table: ComparedTable, signal: AbortSignal): AsyncIterable<Stretch>
  sum(table: ComparedTable, stretch: Stretch, signal: AbortSignal): Promise<StretchSum>
  rows(table: ComparedTable, stretch: Stretch, signal: AbortSignal): Promise<RowSums>
  /** Where it is: what was read before has been written before. */
  position(signal: AbortSignal): Promise<string>
  /** Resolves once what was written before that position can be read here. */
  reaches(position: string, signal: AbortSignal): Promise<void>
}

export type OpenReader = (member: MemberAddress, signal: AbortSignal) => Promise<MemberReader>
