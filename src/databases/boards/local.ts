// The board of a database whose members all run on one machine: in this process, with the record in
// a file, so that the next agent goes on from it.

import { readWhole, writeWhole } from '../../control/whole-file.ts'
import { Fault } from '../../foundation/fault.ts'
import type { Clock, Instant } from '../../foundation/time.ts'
import {
  type BoardView,
  type DecidingBoard,
  firstRecord,
  nothingAsked,
  type OperatorWish,
  type Order,
} from '../board.ts'
import type { DatabaseRecord, MemberSighting } from '../model.ts'

interface Kept {
  readonly record: DatabaseRecord | undefined
  readonly wish: OperatorWish
}

/** Opens the board that is kept in the file at `path`. Throws a Fault if that cannot be read. */
export const openLocalBoard = (path: string, clock: Clock): DecidingBoard =>
  new LocalBoard(path, clock)

class LocalBoard implements DecidingBoard {
  readonly #path: string
  readonly #clock: Clock
  readonly #openedAt: Instant
  readonly #members = new Map<string, MemberSighting>()
  readonly #listeners = new Set<() => void>()
  #orders: ReadonlyMap<string, Order> = new Map()
  #kept: Kept

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
    this.#openedAt = clock.now()
    this.#kept = load(path)
  }

  view(): BoardView {
    return {
      ...this.#kept,
      members: [...this.#members.values()],
      orders: this.#orders,
      connected: true,
      listeningSince: this.#openedAt,
    }
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  async tell(sighting: MemberSighting, epoch: number): Promise<boolean> {
    this.#members.set(sighting.member, { ...sighting, heard: this.#clock.now() })
    this.#tell()
    return (this.#kept.record ?? firstRecord).epoch === epoch
  }

  async fresh(): Promise<DatabaseRecord | undefined> {
    return this.#kept.record
  }

  async ask(change: (before: OperatorWish) => OperatorWish): Promise<void> {
    this.#keep({ ...this.#kept, wish: change(this.#kept.wish) })
    this.#tell()
  }

  async write(
    record: DatabaseRecord,
    orders: ReadonlyMap<string, Order> | undefined,
  ): Promise<boolean> {
    const { version } = this.#kept.record ?? firstRecord
    if (record.version !== version + 1) return false
    // Nobody hears of them before the record is kept.
    this.#keep({ ...this.#kept, record })
    this.#orders = orders ?? this.#orders
    this.#tell()
    return true
  }

  async order(orders: ReadonlyMap<string, Order>): Promise<void> {
    if (sameOrders(this.#orders, orders)) return
    this.#orders = orders
    this.#tell()
  }

  #keep(kept: Kept): void {
    writeWhole(this.#path, JSON.stringify(kept))
    this.#kept = kept
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

function load(path: string): Kept {
  const text = readWhole(path)
  if (text === undefined) return { record: undefined, wish: nothingAsked }
  try {
    return { record: undefined, wish: nothingAsked, ...(JSON.parse(text) as Partial<Kept>) }
  } catch (cause) {
    throw new Fault('corrupt', `what was decided about a database cannot be read from ${path}`, {
      cause,
      remedy: 'put the file back from a copy: without it nobody knows who may be promoted',
    })
  }
}

/** Whether both tell everybody the same. */
export function sameOrders(
  one: ReadonlyMap<string, Order>,
  other: ReadonlyMap<string, Order>,
): boolean {
  if (one.size !== other.size) return false
  return [...one].every(([name, order]) => {
    const there = other.get(name)
    return there !== undefined && JSON.stringify(there) === JSON.stringify(order)
  })
}
