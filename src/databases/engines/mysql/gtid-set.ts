// Which transactions does a server of MySQL have? Arithmetic of GTID sets, pure.
//
// The form is that of the MySQL manual, "GTID Sets": `UUID:1-5:7, UUID:tag:1-3`; tags since 8.3.

/** From the first to the last transaction, both among them. */
export type Interval = readonly [first: number, last: number]

/** By source: its UUID, or `UUID:tag`. Intervals are in order and do not touch. */
export type GtidSet = ReadonlyMap<string, readonly Interval[]>

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/
const tag = /^[a-z_][a-z0-9_]{0,31}$/
const interval = /^(\d+)(?:-(\d+))?$/

/** Reads a set as servers write it, over several lines too. Throws on anything else. */
export function parseGtidSet(text: string): GtidSet {
  const found = new Map<string, Interval[]>()
  for (const part of text.toLowerCase().split(',')) {
    const [source = '', ...words] = part.trim().split(':')
    if (source === '' && words.length === 0) continue
    if (!uuid.test(source)) throw new Error(`${part.trim()} is no part of a GTID set`)
    let key = source
    for (const word of words) {
      const match = interval.exec(word)
      if (match === null && tag.test(word)) {
        key = `${source}:${word}`
        continue
      }
      const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])]
      if (match === null || first < 1 || last < first) {
        throw new Error(`${word} is no interval of a GTID set`)
      }
      const intervals = found.get(key)
      if (intervals === undefined) found.set(key, [[first, last]])
      else intervals.push([first, last])
    }
  }
  return new Map([...found].map(([key, intervals]) => [key, joined(intervals)]))
}

/** In order, and as few as can be. */
function joined(intervals: readonly Interval[]): readonly Interval[] {
  const result: [number, number][] = []
  for (const [first, last] of intervals.toSorted((a, b) => a[0] - b[0])) {
    const before = result.at(-1)
    if (before !== undefined && first <= before[1] + 1) before[1] = Math.max(before[1], last)
    else result.push([first, last])
  }
  return result
}

/** As a server reads it; empty for a set of nothing. */
export function formatGtidSet(set: GtidSet): string {
  return [...set]
    .filter(([, intervals]) => intervals.length > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, intervals]) =>
      [key, ...intervals.map(([a, b]) => (a === b ? String(a) : `${a}-${b}`))].join(':'),
    )
    .join(',')
}

/** How many transactions that is. */
export const countGtids = (set: GtidSet): number =>
  [...set.values()].flat().reduce((sum, [first, last]) => sum + last - first + 1, 0)

/** What is in any of them. */
export function unionGtids(...sets: readonly GtidSet[]): GtidSet {
  const keys = new Set(sets.flatMap((set) => [...set.keys()]))
  return new Map([...keys].map((key) => [key, joined(sets.flatMap((set) => set.get(key) ?? []))]))
}

/** What is in `a` and not in `b`. */
export function subtractGtids(a: GtidSet, b: GtidSet): GtidSet {
  const left = [...a].map(([key, intervals]): [string, readonly Interval[]] => {
    const holes = b.get(key) ?? []
    return [key, intervals.flatMap((each) => without(each, holes))]
  })
  return new Map(left.filter(([, intervals]) => intervals.length > 0))
}

/** What is in both. */
export const intersectGtids = (a: GtidSet, b: GtidSet): GtidSet =>
  subtractGtids(a, subtractGtids(a, b))

function without([first, last]: Interval, holes: readonly Interval[]): readonly Interval[] {
  const rest: Interval[] = []
  let next = first
  for (const [from, to] of holes) {
    if (to < next || from > last) continue
    if (from > next) rest.push([next, from - 1])
    next = to + 1
  }
  return next > last ? rest : [...rest, [next, last]]
}

/** Whether all of `part` is in `whole`. */
export const hasGtids = (whole: GtidSet, part: GtidSet): boolean =>
  subtractGtids(part, whole).size === 0
