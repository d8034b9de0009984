// Which pieces of the archived log lead on from a base, and is one missing? Pure.

import type { Position } from '../../model.ts'
import { parseSegmentName, segmentName, type TimelineHistory } from './lsn.ts'

/** What lies in an archive. */
export interface LogHeld {
  readonly segmentBytes: number
  /** Names of whole segments, and of the one that grows. */
  readonly segments: ReadonlySet<string>
  readonly growing: ReadonlySet<string>
  readonly histories: readonly TimelineHistory[]
}

/** A stretch of segments, in the order in which they are applied. */
export interface LogChain {
  /** The timeline that it ends on. */
  readonly line: number
  readonly names: readonly string[]
  /** Every piece is there, up to the last that there is of this history. */
  readonly isWhole: boolean
}

/** A timeline, and where it begins. */
interface Stretch {
  readonly line: number
  readonly begin: number
}

const indexOf = (at: number, { segmentBytes }: LogHeld): number => Math.floor(at / segmentBytes)

/** All timelines of a history, the eldest first. */
const stretchesOf = ({ line, ancestors }: TimelineHistory): readonly Stretch[] => [
  ...ancestors.map((each, at) => ({ line: each.line, begin: ancestors[at - 1]?.end ?? 0 })),
  { line, begin: ancestors.at(-1)?.end ?? 0 },
]

/** The first timeline has no file of its history, nor has one whose file was never fetched. */
const historyOf = (held: LogHeld, line: number): TimelineHistory =>
  held.histories.find((each) => each.line === line) ?? { line, ancestors: [] }

const holds = (held: LogHeld, name: string): boolean =>
  held.segments.has(name) || held.growing.has(name)

/** Positions of the segments of one timeline that there are, counted in segments, ascending. */
export const indexesOf = (held: LogHeld, line: number): readonly number[] =>
  [...held.segments, ...held.growing]
    .flatMap((name) => parseSegmentName(name, held.segmentBytes) ?? [])
    .filter((each) => each.line === line)
    .map(({ start }) => indexOf(start, held))
    .toSorted((a, b) => a - b)

/** Every timeline that something is there of. */
const linesOf = (held: LogHeld): readonly number[] => {
  const named = [...held.segments, ...held.growing].flatMap(
    (name) => parseSegmentName(name, held.segmentBytes)?.line ?? [],
  )
  return [...new Set([...named, ...held.histories.map(({ line }) => line)])].toSorted(
    (a, b) => b - a,
  )
}

/** Whether `position` is a part of this history. */
const includes = ({ line, ancestors }: TimelineHistory, position: Position): boolean =>
  position.line === line ||
  ancestors.some((each) => each.line === position.line && position.at <= each.end)

/** The chain from `from` on, along the youngest timeline that it is a part of. */
export function chainFrom(held: LogHeld, from: Position): LogChain {
  const youngest = linesOf(held).find((line) => includes(historyOf(held, line), from)) ?? from.line
  const stretches = [...stretchesOf(historyOf(held, youngest))]
  // Of one that has only just begun there is nothing yet: what is there ends before it.
  while (stretches.length > 1 && indexesOf(held, stretches.at(-1)?.line ?? 0).length === 0) {
    stretches.pop()
  }
  const { line } = stretches.at(-1) ?? { line: from.line }
  const last = indexesOf(held, line).at(-1)
  const names: string[] = []
  const first = indexOf(from.at, held)
  // A position at the very end of a segment needs nothing of it, nor is there a next one yet.
  const least = from.at % held.segmentBytes === 0 ? first - 1 : first
  if (last === undefined || last < least) return { line, names, isWhole: false }
  for (let index = first; index <= last; index += 1) {
    const owner = stretches.findLast(({ begin }) => indexOf(begin, held) <= index)
    const name = segmentName(owner?.line ?? line, index * held.segmentBytes, held.segmentBytes)
    if (!holds(held, name)) return { line, names, isWhole: false }
    names.push(name)
  }
  return { line, names, isWhole: true }
}

/**
 * Where to go on receiving from a server of this history: after the last whole segment that is a
 * part of it. `undefined`: nothing of it is there.
 */
export function resumeAt(held: LogHeld, history: TimelineHistory): Position | undefined {
  const stretches = stretchesOf(history)
  for (const [at, { line }] of stretches.toReversed().entries()) {
    const whole = indexesOf({ ...held, growing: new Set() }, line).at(-1)
    if (whole === undefined) continue
    const next = stretches[stretches.length - at]
    const end = (whole + 1) * held.segmentBytes
    if (next === undefined || end < next.begin - (next.begin % held.segmentBytes)) {
      return { line, at: end }
    }
    return { line: next.line, at: next.begin - (next.begin % held.segmentBytes) }
  }
  return undefined
}

/** Pieces that nobody needs who begins at `from`: older ones, of every timeline up to that one. */
export function surplusOf(held: LogHeld, from: Position): readonly string[] {
  const first = indexOf(from.at, held)
  return [...held.segments, ...held.growing].filter((name) => {
    const piece = parseSegmentName(name, held.segmentBytes)
    return piece !== undefined && indexOf(piece.start, held) < first && piece.line <= from.line
  })
}
