// Is what a member has what the primary has? Compared stretch by stretch while clients write: the
// primary is read before and after the member, and what it did not change in between has to agree.

import { describeError } from '../../foundation/fault.ts'
import { type Clock, ms, since, sleep } from '../../foundation/time.ts'
import type { Progress } from '../engine.ts'
import { type MemberReader, Unreadable } from './engine.ts'
import type {
  ComparedTable,
  Comparison,
  Difference,
  RowSums,
  Stretch,
  StretchSum,
} from './model.ts'

/** What a comparison stands on. */
export interface CompareOptions {
  readonly clock: Clock
  readonly primary: MemberReader
  readonly members: readonly { readonly name: string; readonly reader: MemberReader }[]
  /** Only tables of these names; `undefined`: all. */
  readonly only: ReadonlySet<string> | undefined
  readonly progress: (progress: Progress) => void
}

/** A stretch that goes on changing is compared row by row after so many looks. */
const looksMost = 3
/** So many rows are named of each difference. */
const namesMost = 20
/** It works half of the time, so that others find the disk free. */
const restMost = ms(1000)

/** Compares all members with the primary. Rejects with what the primary cannot do. */
export async function compareMembers(
  options: CompareOptions,
  signal: AbortSignal,
): Promise<Comparison> {
  const { primary, members, only, progress, clock } = options
  const all = await primary.tables(signal)
  const tables = all.filter(({ name }) => only === undefined || only.has(name))
  const found = new Findings()
  const of = tables.reduce((sum, { bytes }) => sum + bytes, 0)
  const left = new Map<string, string>()
  let [rows, done] = [0, 0]
  for (const table of tables) {
    for await (const stretch of primary.stretches(table, signal)) {
      const begun = clock.now()
      let sum: StretchSum | undefined
      for (const { name, reader } of members) {
        if (left.has(name)) continue
        try {
          sum = await new Look(options, table, stretch, signal).at(name, reader, found, sum)
        } catch (thrown) {
          signal.throwIfAborted()
          left.set(name, describeError(thrown))
        }
      }
      rows += sum?.rows ?? 0
      done += stretch.bytes
      progress({ step: `comparing ${table.name}`, done, of: Math.max(of, done) })
      await sleep(clock, ms(Math.min(restMost, since(begun, clock.now()))), signal)
    }
  }
  return {
    ...{ tables: tables.length, rows, bytes: done, differences: found.all() },
    members: members.map(({ name }) => name),
    left: [...left].map(([member, why]) => ({ member, why })),
  }
}

/** One stretch of one table. */
class Look {
  readonly #primary: MemberReader
  readonly #table: ComparedTable
  readonly #stretch: Stretch
  readonly #signal: AbortSignal

  constructor(
    { primary }: CompareOptions,
    table: ComparedTable,
    stretch: Stretch,
    signal: AbortSignal,
  ) {
    this.#primary = primary
    this.#table = table
    this.#stretch = stretch
    this.#signal = signal
  }

  /** Compares a member; resolves to what the primary has there, for the next one. */
  async at(
    member: string,
    reader: MemberReader,
    found: Findings,
    known: StretchSum | undefined,
  ): Promise<StretchSum> {
    let before = known ?? (await this.#sum(this.#primary))
    try {
      for (let looks = 0; looks < looksMost; looks += 1) {
        await reader.reaches(await this.#primary.position(this.#signal), this.#signal)
        if (isSame(await this.#sum(reader), before)) return before
        const after = await this.#sum(this.#primary)
        // It did not change meanwhile, and the member has something else.
        if (isSame(after, before)) break
        before = after
      }
      await this.#rows(member, reader, found)
    } catch (thrown) {
      if (!(thrown instanceof Unreadable)) throw thrown
      // If it is the primary that cannot be read, this says so.
      await this.#sum(this.#primary)
      found.unreadable(member, this.#table.name, thrown.message)
    }
    return before
  }

  #sum(reader: MemberReader): Promise<StretchSum> {
    return reader.sum(this.#table, this.#stretch, this.#signal)
  }

  #read(reader: MemberReader): Promise<RowSums> {
    return reader.rows(this.#table, this.#stretch, this.#signal)
  }

  /**
   * A row differs if the primary had it in one form before and after the member was read, which had
   * it in another; and if that is so once more, since a row may come and go in between.
   */
  async #rows(member: string, reader: MemberReader, found: Findings): Promise<void> {
    const first = await this.#differing(reader)
    if (first.size === 0) return
    const again = await this.#differing(reader)
    for (const [name, kind] of first) {
      if (again.get(name) === kind) found.row(member, this.#table.name, kind, name)
    }
  }

  async #differing(reader: MemberReader): Promise<ReadonlyMap<string, RowKind>> {
    const before = await this.#read(this.#primary)
    await reader.reaches(await this.#primary.position(this.#signal), this.#signal)
    const there = await this.#read(reader)
    const after = await this.#read(this.#primary)
    const kinds = new Map<string, RowKind>()
    for (const [name, sum] of before) {
      if (after.get(name) !== sum || there.get(name) === sum) continue
      kinds.set(name, there.has(name) ? 'differs' : 'missing')
    }
    for (const name of there.keys()) {
      if (!before.has(name) && !after.has(name)) kinds.set(name, 'surplus')
    }
    return kinds
  }
}

type RowKind = 'differs' | 'missing' | 'surplus'

const isSame = (a: StretchSum, b: StretchSum): boolean => a.rows === b.rows && a.sum === b.sum

/** Differences, gathered by member, table and kind. */
class Findings {
  readonly #found = new Map<string, Difference>()

  row(member: string, table: string, kind: RowKind, name: string): void {
    const key = `${member} ${table} ${kind}`
    const { rows = 0, names = [] } = this.#found.get(key) ?? {}
    this.#found.set(key, {
      ...{ member, table, kind, rows: rows + 1, why: undefined },
      names: names.length < namesMost ? [...names, name] : names,
    })
  }

  unreadable(member: string, table: string, why: string): void {
    const key = `${member} ${table} unreadable`
    if (this.#found.has(key)) return
    this.#found.set(key, { member, table, kind: 'unreadable', rows: undefined, names: [], why })
  }

  all(): readonly Difference[] {
    return [...this.#found.values()]
  }
}
