// The board of a database whose members run on several machines: nodes in the coordinator, kept in
// view by every agent as long as its session lives.

import { type Coordinator, whyNot } from '../../coordination/coordinator.ts'
import type { Leadership, NodeChange } from '../../coordination/model.ts'
import { ensure, persevere, waker } from '../../coordination/recipes/persevere.ts'
import { Fault } from '../../foundation/fault.ts'
import type { Clock } from '../../foundation/time.ts'
import {
  type BoardView,
  type DatabaseBoard,
  type DecidingBoard,
  firstRecord,
  nothingAsked,
  type OperatorWish,
  type Order,
} from '../board.ts'
import type { DatabaseRecord, MemberSighting } from '../model.ts'
import { fromWire, toWire } from './ages.ts'
import { sameOrders } from './local.ts'

/** A board that is in view while a session lives, and as it was last seen in between. */
export interface SharedBoard extends DatabaseBoard {
  /** Keeps it in view until the signal is aborted or the session is over; then rejects. */
  attend(coordinator: Coordinator, signal: AbortSignal): Promise<never>
  /** The same board for whoever leads; its writes are refused once somebody else does. */
  led(coordinator: Coordinator, role: Leadership): DecidingBoard
}

/** The board of one database below `path`, a node of the cluster's own tree. */
export const openSharedBoard = (path: string, clock: Clock): SharedBoard => new Shared(path, clock)

/** A node, and its version where it is to be compared. */
interface Kept<T> {
  readonly value: T
  readonly version: number
}

/** A record, and the orders that follow from it unless these stay as they are. */
interface Decided {
  readonly record: DatabaseRecord
  readonly orders: ReadonlyMap<string, Order> | undefined
}

class Shared implements SharedBoard {
  readonly #path: string
  readonly #clock: Clock
  readonly #listeners = new Set<() => void>()
  readonly #members = new Map<string, Kept<MemberSighting>>()
  readonly #orders = new Map<string, Kept<Order | undefined>>()
  #record: Kept<DatabaseRecord> | undefined
  #wish: Kept<OperatorWish> | undefined
  #epochVersion = -1
  /** An answer about a record before this one was asked for before we wrote that. */
  #recordLeast = -1
  /** The same of what is asked for. */
  #wishLeast = -1
  #coordinator: Coordinator | undefined

  constructor(path: string, clock: Clock) {
    this.#path = path
    this.#clock = clock
  }

  view(): BoardView {
    const orders = [...this.#orders].flatMap(([name, { value }]) =>
      value === undefined ? [] : [[name, value] as const],
    )
    return {
      record: this.#record?.value,
      members: [...this.#members.values()].map(({ value }) => value),
      orders: new Map(orders),
      wish: this.#wish?.value ?? nothingAsked,
      connected: this.#coordinator !== undefined,
    }
  }

  onChange(listener: () => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  async attend(coordinator: Coordinator, signal: AbortSignal): Promise<never> {
    const either = AbortSignal.any([signal, coordinator.over])
    for (const name of ['epoch', 'members', 'orders', 'wish']) {
      await persevere(() => ensure(coordinator, `${this.#path}/${name}`, either))
    }
    const bell = waker()
    this.#recordLeast = -1
    this.#wishLeast = -1
    const stale = new Set([this.#path])
    const heard = (path: string): void => {
      stale.add(path)
      bell.wake()
    }
    await using _watch = await persevere(() =>
      coordinator.watch(
        this.#path,
        true,
        (news) => heard(news.kind === 'changed' ? news.path : this.#path),
        either,
      ),
    )
    try {
      for (;;) {
        const paths = [...stale]
        stale.clear()
        await this.#read(coordinator, paths, either)
        this.#coordinator = coordinator
        this.#tell()
        if (stale.size === 0) await bell.wait(either)
      }
    } finally {
      this.#coordinator = undefined
      this.#tell()
    }
  }

  /** Reads what has changed; everything, where it is not known what. */
  async #read(
    coordinator: Coordinator,
    paths: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const named = paths.map((path) => path.slice(this.#path.length + 1).split('/'))
    const kinds = ['record', 'epoch', 'wish', 'members', 'orders']
    const unknown = named.some(([kind = '']) => !kinds.includes(kind))
    const isStale = (kind: string): boolean => unknown || named.some(([one]) => one === kind)
    const names = (kind: string): readonly string[] | undefined =>
      unknown || named.some(([one, name]) => one === kind && name === undefined)
        ? undefined
        : named.flatMap(([one, name]) => (one === kind && name !== undefined ? [name] : []))
    await Promise.all([
      isStale('record') || isStale('epoch') ? this.#readRecord(coordinator, signal) : undefined,
      isStale('wish') ? this.#readWish(coordinator, signal) : undefined,
      isStale('members')
        ? this.#readEach(coordinator, 'members', names('members'), this.#members, signal)
        : undefined,
      isStale('orders')
        ? this.#readEach(coordinator, 'orders', names('orders'), this.#orders, signal)
        : undefined,
    ])
  }

  async #readRecord(coordinator: Coordinator, signal: AbortSignal): Promise<void> {
    // The epoch first, and they are answered in that order: a tell that is confirmed by it then
    // knows a record at least as new.
    const [epoch, node] = await persevere(() =>
      Promise.all([
        coordinator.read(`${this.#path}/epoch`, signal),
        coordinator.read(`${this.#path}/record`, signal),
      ]),
    )
    if ((node?.version ?? -1) < this.#recordLeast) return
    this.#epochVersion = epoch?.version ?? -1
    this.#record =
      node === undefined
        ? undefined
        : { value: parse<DatabaseRecord>(node.data, 'record'), version: node.version }
  }

  async #readWish(coordinator: Coordinator, signal: AbortSignal): Promise<void> {
    const node = await persevere(() => coordinator.read(`${this.#path}/wish`, signal))
    if ((node?.version ?? -1) < this.#wishLeast) return
    const isThere = node !== undefined && node.data.length > 0
    this.#wish = isThere
      ? { value: parse<OperatorWish>(node.data, 'wish'), version: node.version }
      : node && { value: nothingAsked, version: node.version }
  }

  async #readEach<T>(
    coordinator: Coordinator,
    kind: 'members' | 'orders',
    only: readonly string[] | undefined,
    into: Map<string, Kept<T>>,
    signal: AbortSignal,
  ): Promise<void> {
    const folder = `${this.#path}/${kind}`
    const names = only ?? (await persevere(() => coordinator.list(folder, signal))) ?? []
    if (only === undefined)
      for (const name of into.keys()) if (!names.includes(name)) into.delete(name)
    await Promise.all(
      names.map(async (name) => {
        const node = await persevere(() => coordinator.read(`${folder}/${name}`, signal))
        if (node === undefined) {
          into.delete(name)
          return
        }
        // One that stands there unchanged was not heard anew.
        if (into.get(name)?.version === node.version) return
        const value = node.data.length === 0 ? undefined : parse<unknown>(node.data, kind)
        const now = this.#clock.now()
        const seen = kind === 'members' ? fromWire(value as MemberSighting, now) : value
        into.set(name, { value: seen as T, version: node.version })
      }),
    )
  }

  async tell(sighting: MemberSighting, epoch: number, signal: AbortSignal): Promise<boolean> {
    const coordinator = this.#reached()
    const known = (this.#record?.value ?? firstRecord).epoch
    const isCurrent = known === epoch && this.#epochVersion >= 0
    const data = JSON.stringify(toWire(sighting))
    const path = `${this.#path}/members/${sighting.member}`
    const check: NodeChange[] = isCurrent
      ? [{ kind: 'check', path: `${this.#path}/epoch`, version: this.#epochVersion }]
      : []
    try {
      await this.#put(coordinator, path, data, check, signal)
      return isCurrent
    } catch (thrown) {
      if (whyNot(thrown) !== 'version') throw thrown
      // The epoch is another one: that is not confirmed, but what is seen is told all the same.
      await this.#put(coordinator, path, data, [], signal)
      return false
    }
  }

  async #put(
    coordinator: Coordinator,
    path: string,
    data: string,
    guards: readonly NodeChange[],
    signal: AbortSignal,
  ): Promise<void> {
    try {
      await coordinator.write([...guards, { kind: 'set', path, data }], signal)
    } catch (thrown) {
      if (whyNot(thrown) !== 'missing') throw thrown
      await coordinator.write([...guards, { kind: 'create', path, data }], signal)
    }
  }

  async fresh(signal: AbortSignal): Promise<DatabaseRecord | undefined> {
    const coordinator = this.#reached()
    await coordinator.sync(signal)
    const node = await coordinator.read(`${this.#path}/record`, signal)
    return node === undefined ? undefined : parse<DatabaseRecord>(node.data, 'record')
  }

  async ask(change: (before: OperatorWish) => OperatorWish, signal: AbortSignal): Promise<void> {
    const coordinator = this.#reached()
    const path = `${this.#path}/wish`
    for (;;) {
      const node = await persevere(() => coordinator.read(path, signal))
      const before =
        node === undefined || node.data.length === 0
          ? nothingAsked
          : parse<OperatorWish>(node.data, 'wish')
      const value = change(before)
      const data = JSON.stringify(value)
      const version = node?.version ?? 0
      try {
        await coordinator.write([{ kind: 'set', path, data, version }], signal)
        return this.#asked({ value, version: version + 1 })
      } catch (thrown) {
        if (whyNot(thrown) !== 'version') throw thrown
      }
    }
  }

  /** Who has asked sees that at once: it would seem to be done already. */
  #asked(wish: Kept<OperatorWish>): void {
    if (wish.version <= (this.#wish?.version ?? -1)) return
    this.#wish = wish
    this.#wishLeast = wish.version
    this.#tell()
  }

  led(coordinator: Coordinator, role: Leadership): DecidingBoard {
    return {
      view: () => this.view(),
      onChange: (listener) => this.onChange(listener),
      tell: (sighting, epoch, signal) => this.tell(sighting, epoch, signal),
      fresh: (signal) => this.fresh(signal),
      ask: (change, signal) => this.ask(change, signal),
      write: (record, orders, signal) => this.#write(coordinator, role, { record, orders }, signal),
      order: (orders, signal) => this.#order(role, orders, signal),
    }
  }

  /** The node of the epoch changes with the epoch and never else: keepers are confirmed by it. */
  async #write(
    coordinator: Coordinator,
    role: Leadership,
    { record, orders }: Decided,
    signal: AbortSignal,
  ): Promise<boolean> {
    const before = this.#record
    if ((before?.value ?? firstRecord).version !== record.version - 1) return false
    const path = `${this.#path}/record`
    const data = JSON.stringify(record)
    const raised = record.epoch !== (before?.value ?? firstRecord).epoch
    const changes: NodeChange[] = [
      before === undefined
        ? { kind: 'create', path, data }
        : { kind: 'set', path, data, version: before.version },
      ...(raised
        ? [{ kind: 'set' as const, path: `${this.#path}/epoch`, data: String(record.epoch) }]
        : []),
      ...(orders === undefined ? [] : this.#changesTo(orders)),
    ]
    try {
      await role.write(changes, signal)
    } catch (thrown) {
      const why = whyNot(thrown)
      if (role.lost.aborted || why === undefined) throw thrown
      // Somebody else made one of them: all is compared anew with what stands there.
      await this.#read(coordinator, [this.#path], signal)
      return false
    }
    const version = before === undefined ? 0 : before.version + 1
    this.#recordLeast = version
    this.#record = { value: record, version }
    if (raised) this.#epochVersion += 1
    if (orders !== undefined) this.#keepOrders(orders)
    this.#tell()
    return true
  }

  async #order(
    role: Leadership,
    orders: ReadonlyMap<string, Order>,
    signal: AbortSignal,
  ): Promise<void> {
    if (sameOrders(this.view().orders, orders)) return
    try {
      await role.write(this.#changesTo(orders), signal)
      this.#keepOrders(orders)
    } catch (thrown) {
      // Somebody else made one of them: what stands there is seen soon, and compared anew.
      const why = whyNot(thrown)
      if (role.lost.aborted || why === undefined) throw thrown
    }
  }

  /** What makes the orders these. */
  #changesTo(orders: ReadonlyMap<string, Order>): readonly NodeChange[] {
    return [...new Set([...this.#orders.keys(), ...orders.keys()])].flatMap(
      (name): NodeChange[] => {
        const there = this.#orders.get(name)
        const order = orders.get(name)
        const data = order === undefined ? '' : JSON.stringify(order)
        const path = `${this.#path}/orders/${name}`
        if (there === undefined) return [{ kind: 'create', path, data }]
        const before = there.value === undefined ? '' : JSON.stringify(there.value)
        return before === data ? [] : [{ kind: 'set', path, data }]
      },
    )
  }

  /** They stand there from now on: what is read soon is of a later version than we know. */
  #keepOrders(orders: ReadonlyMap<string, Order>): void {
    for (const name of new Set([...this.#orders.keys(), ...orders.keys()])) {
      const version = this.#orders.get(name)?.version ?? -1
      this.#orders.set(name, { value: orders.get(name), version: version + 0.5 })
    }
  }

  #reached(): Coordinator {
    if (this.#coordinator !== undefined) return this.#coordinator
    throw new Fault('unreachable', 'the coordinator does not answer', {
      remedy: 'nothing can be decided meanwhile; what runs goes on',
    })
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener()
  }
}

function parse<T>(data: Buffer, what: string): T {
  try {
    return JSON.parse(data.toString('utf8')) as T
  } catch (cause) {
    throw new Fault('corrupt', `the ${what} of a database cannot be read`, { cause })
  }
}
