// Which transactions are in a stretch of a log, in few words? Runs of numbers in the order in which
// they came: those of one source mostly follow each other. Pure.

/** Transactions of one source whose numbers follow each other: `0-64-` with 3 to 9. */
export interface Run {
  /** All of a GTID before its number: `domain-server-` of MariaDB, `UUID:` of MySQL. */
  readonly source: string
  readonly first: number
  readonly last: number
}

const numberAt = (gtid: string): number =>
  Math.max(gtid.lastIndexOf('-'), gtid.lastIndexOf(':')) + 1

/** Runs as they grow, transaction by transaction. */
export class GrowingRuns {
  readonly #runs: { readonly source: string; readonly first: number; last: number }[]

  constructor(begun: readonly Run[] = []) {
    this.#runs = begun.map((run) => ({ ...run }))
  }

  add(gtid: string): void {
    const at = numberAt(gtid)
    const number = Number(gtid.slice(at))
    const run = this.#runs.at(-1)
    if (run?.last === number - 1 && run.source.length === at && gtid.startsWith(run.source)) {
      run.last = number
    } else this.#runs.push({ source: gtid.slice(0, at), first: number, last: number })
  }

  /** What they are now; later additions do not change it. */
  all(): readonly Run[] {
    return this.#runs.map((run) => ({ ...run }))
  }
}

/** The runs of these transactions. */
export function runsOf(gtids: Iterable<string>): readonly Run[] {
  const runs = new GrowingRuns()
  for (const gtid of gtids) runs.add(gtid)
  return runs.all()
}

/** Where a transaction is: in which of the runs, and its number. */
function placeOf(runs: readonly Run[], gtid: string): readonly [number, number] | undefined {
  const at = numberAt(gtid)
  const [source, number] = [gtid.slice(0, at), Number(gtid.slice(at))]
  const index = runs.findIndex(
    (run) => run.source === source && run.first <= number && number <= run.last,
  )
  return index === -1 ? undefined : [index, number]
}

/** What comes behind a transaction; `undefined` where it is not among them. */
export function runsAfter(runs: readonly Run[], gtid: string): readonly Run[] | undefined {
  const [index, number] = placeOf(runs, gtid) ?? []
  const run = index === undefined ? undefined : runs[index]
  if (index === undefined || number === undefined || run === undefined) return undefined
  const rest = number < run.last ? [{ ...run, first: number + 1 }] : []
  return [...rest, ...runs.slice(index + 1)]
}

/** What comes up to a transaction, itself among it; `undefined` where it is not among them. */
export function runsUpTo(runs: readonly Run[], gtid: string): readonly Run[] | undefined {
  const [index, number] = placeOf(runs, gtid) ?? []
  const run = index === undefined ? undefined : runs[index]
  if (index === undefined || number === undefined || run === undefined) return undefined
  return [...runs.slice(0, index), { ...run, last: number }]
}

/**
 * Says of transaction after transaction, in the order of a piece, whether it is in these runs,
 * which are in that order, too.
 */
export function within(runs: readonly Run[]): (gtid: string) => boolean {
  let index = 0
  return (gtid) => {
    const run = runs[index]
    if (run === undefined || placeOf([run], gtid) === undefined) return false
    if (Number(gtid.slice(run.source.length)) === run.last) index += 1
    return true
  }
}
