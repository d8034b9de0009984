// What leads on from where in an archived log of a MariaDB or MySQL? Of each piece only that much
// is kept in memory: its transactions are read again by a restore.

import { setImmediate as turn } from 'node:timers/promises'
import type { BackupStore } from '../../backups/store.ts'
import {
  growingBytes,
  headKey,
  type ListedPiece,
  type LoggedGroup,
  listPieces,
  type ReadGroups,
  secondOf,
  wholeBytes,
} from './log-pieces.ts'
import { GrowingRuns, type Run } from './runs.ts'

/** A stretch of the log that came over one connection, without where each transaction lies. */
export interface Outline {
  readonly name: string
  /** What went before its first one, as the engine says it; empty: the log begins here. */
  readonly after: string
  readonly isWhole: boolean
  /** Its complete transactions, in order. */
  readonly runs: readonly Run[]
  /** Behind the last complete one, in bytes; 0 of none. */
  readonly end: number
  /** The latest second at which one of them was committed; 0 of none. */
  readonly latest: number
}

/** What of a piece belongs to a chain: `runs` of it, in its order. */
export interface ChainPart {
  readonly piece: Outline
  readonly runs: readonly Run[]
}

/** So many transactions are read at once: others have their turn after a few milliseconds. */
const atOnce = 2000

/** The same one by one; lets others have their turn now and then. */
export async function* unhurried<T>(all: Iterable<T>): AsyncGenerator<T> {
  let count = 0
  for (const each of all) {
    yield each
    count += 1
    if (count % atOnce === 0) await turn()
  }
}

/** The outline of one piece; where `known` is that of when it had grown less far, from there on. */
export async function readOutline(
  store: BackupStore,
  name: string,
  readGroups: ReadGroups,
  known?: Outline,
): Promise<Outline> {
  const begun = known?.isWhole === false ? known : undefined
  const from = begun?.end ?? 0
  const growing = await growingBytes(store, name, from)
  const whole = growing === undefined ? await wholeBytes(store, name) : undefined
  const bytes = whole?.subarray(from) ?? growing ?? Buffer.alloc(0)
  const after = begun?.after ?? (await afterOf(store, name))
  const runs = new GrowingRuns(begun?.runs)
  let [end, latest] = [from, begun?.latest ?? 0]
  const read = (first: number, behind: number): Buffer =>
    bytes.subarray(first - from, Math.max(behind - from, 0))
  for await (const group of unhurried<LoggedGroup>(readGroups(read, from))) {
    runs.add(group.gtid)
    end = group.to
    latest = Math.max(latest, secondOf(group, read))
  }
  return { name, after, isWhole: whole !== undefined, runs: runs.all(), end, latest }
}

async function afterOf(store: BackupStore, name: string): Promise<string> {
  const head = JSON.parse((await store.read(headKey(name)))?.toString('utf8') ?? '{}')
  return String(head.after ?? '')
}

/**
 * All pieces of stores, as they are looked at again and again: one that is whole is read once, and
 * of one that grows what came since.
 */
export class KnownPieces {
  readonly #readGroups: ReadGroups
  /** By place: by name, with how long the piece was. */
  readonly #known = new Map<string, ReadonlyMap<string, Known>>()

  constructor(readGroups: ReadGroups) {
    this.#readGroups = readGroups
  }

  /** The oldest first. */
  async all(store: BackupStore): Promise<readonly Outline[]> {
    const before = this.#known.get(store.place)
    const now = new Map<string, Known>()
    for (const listed of await listPieces(store)) {
      now.set(listed.name, await this.#look(store, listed, before?.get(listed.name)))
    }
    this.#known.set(store.place, now)
    return [...now.values()].map(({ outline }) => outline)
  }

  async #look(store: BackupStore, listed: ListedPiece, known: Known | undefined): Promise<Known> {
    const { name, bytes, isWhole } = listed
    const isSame = known?.bytes === bytes && known.outline.isWhole === isWhole
    if (isSame) return known
    return { bytes, outline: await readOutline(store, name, this.#readGroups, known?.outline) }
  }
}

interface Known {
  readonly bytes: number
  readonly outline: Outline
}
