// Does a process grow? Judged by what was seen of it over its life, after it has warmed up. Pure.

/** What was seen of one process at one moment. */
export interface Sample {
  /** Seconds since the soak began. */
  readonly at: number
  /** Memory of its own, in MiB. */
  readonly memory: number
  /** Open file descriptors. */
  readonly files: number
}

/** All that was seen of one process. */
export interface Life {
  /** `agent`, `edge 1`, `guard api-1`. */
  readonly name: string
  readonly pid: number
  readonly samples: readonly Sample[]
}

/** What is made of a life. */
export interface Judgement {
  readonly name: string
  readonly pid: number
  /** Seconds that were judged, after warming up. */
  readonly judged: number
  /** MiB at the start and the end of what was judged. */
  readonly memory: readonly [start: number, end: number]
  /** MiB an hour. */
  readonly memorySlope: number
  /** The fewest in the first third of what was judged, and in the last. */
  readonly files: readonly [start: number, end: number]
  readonly isFlat: boolean
}

/**
 * Growth from the first third of a life to its last that is called flat: a share of what it has,
 * or so many MiB. Compared are peaks: memory that is collected rises and falls like a saw, and of
 * a process that leaks the peaks rise too.
 */
const shareMost = 0.1
const mebibytesMost = 6
/**
 * File descriptors come and go with the connections of the moment, by thousands where answers are
 * held. Compared are the fewest: what is never closed is among these, too, and so are the two dozen
 * connections that stay, in this edge or the other.
 */
const filesMost = 24

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0

/** What nine in ten are below. */
const peak = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.9)] ?? 0

/** The median of the slopes between all pairs: outliers do not bend it (Theil and Sen). */
export function slopeOf(points: readonly { readonly x: number; readonly y: number }[]): number {
  const slopes: number[] = []
  for (const [index, one] of points.entries()) {
    for (const other of points.slice(index + 1)) {
      if (other.x !== one.x) slopes.push((other.y - one.y) / (other.x - one.x))
    }
  }
  return median(slopes)
}

/** At most `most` of the values, evenly spread: pairs grow with the square. */
const thinned = <Value>(values: readonly Value[], most: number): readonly Value[] => {
  const step = Math.max(1, Math.ceil(values.length / most))
  return values.filter((_, index) => index % step === 0)
}

/**
 * Judges a life after its warm-up of `warm` seconds (a fifth of it, if that is longer); `undefined`
 * when less than `least` seconds remain.
 */
export function judge(life: Life, warm: number, least: number): Judgement | undefined {
  const first = life.samples[0]?.at ?? 0
  const last = life.samples.at(-1)?.at ?? 0
  const from = first + Math.max(warm, (last - first) / 5)
  const samples = life.samples.filter(({ at }) => at >= from)
  const judged = last - from
  if (judged < least || samples.length < 8) return undefined
  const eighth = Math.max(3, Math.floor(samples.length / 8))
  const third = Math.floor(samples.length / 3)
  /** Something of the beginning, and of the end. */
  const ends = (
    length: number,
    of: keyof Sample,
    what: (values: readonly number[]) => number,
  ): [number, number] => [
    what(samples.slice(0, length).map((sample) => sample[of])),
    what(samples.slice(-length).map((sample) => sample[of])),
  ]
  const memory = ends(eighth, 'memory', median)
  const files = ends(third, 'files', (values) => Math.min(...values))
  const points = thinned(samples, 300).map(({ at, memory: y }) => ({ x: at / 3600, y }))
  const memorySlope = slopeOf(points)
  const [early, late] = ends(third, 'memory', peak)
  const isFlat =
    late - early <= Math.max(mebibytesMost, early * shareMost) && files[1] - files[0] <= filesMost
  return { name: life.name, pid: life.pid, judged, memory, memorySlope, files, isFlat }
}
