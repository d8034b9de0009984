// A replicated database whose members, links and deciders fail, and what must hold meanwhile.

import { decide } from '../../databases/decide.ts'
import type {
  DatabaseObservation,
  DatabaseRecord,
  DatabaseWish,
  MemberSighting,
  Request,
} from '../../databases/model.ts'
import { origin } from '../../databases/position.ts'
import { below, type Random } from '../../foundation/random.ts'
import { type Instant, instant, later, ms, since } from '../../foundation/time.ts'
import { Node, type Order, type Sabotage } from './node.ts'

/** How long one step takes. */
export const stepTime = ms(100)

/** Orders are lost and late: after so many steps one has come. */
const staleMost = 12

/** A promise that did not hold. */
export class Broken extends Error {}

/** A function that decides; the rules, or in a control a table that lacks one. */
export type Decide = (seen: DatabaseObservation) => ReturnType<typeof decide>

/** What a world is made of. */
export interface WorldParts {
  readonly wish: DatabaseWish
  readonly random: Random
  readonly sabotage?: Sabotage
  readonly decide?: Decide
}

interface Write {
  readonly id: number
  readonly on: Node
  readonly epoch: number
  /** The highest epoch at which anything had been acknowledged when it was begun. */
  readonly after: number
}

interface Flying extends Order {
  readonly at: Instant
}

interface Snapshot {
  readonly record: DatabaseRecord
  readonly sightings: ReadonlyMap<string, MemberSighting>
}

export class DatabaseWorld {
  readonly nodes: readonly Node[]
  readonly wish: DatabaseWish
  now = instant(1_000_000)
  /** Pairs `a>b` over which nothing goes from a to b. */
  readonly cuts = new Set<string>()
  record: DatabaseRecord
  readonly sightings = new Map<string, MemberSighting>()
  request: Request | undefined
  /** Decisions of the last leader come from a view that is this old. */
  staleView: Snapshot | undefined
  acknowledged: number[] = []
  readonly rules = new Map<string, number>()
  lastRule = ''
  readonly #random: Random
  readonly #sabotage: Sabotage
  readonly #decide: Decide
  #flying: Flying[] = []
  #pending: Write[] = []
  #nextId = 1
  #highestAcked = 0
  #previousEpoch = 0
  #epochBefore = 0
  readonly #leaders = new Map<number, string>()

  constructor({ wish, random, sabotage = {}, decide: by = decide }: WorldParts) {
    this.wish = wish
    this.#random = random
    this.#sabotage = sabotage
    this.#decide = by
    this.nodes = wish.members.map((name) => new Node(name))
    this.record = {
      epoch: 0,
      version: 0,
      phase: { kind: 'new' },
      acks: [{ members: [], needed: 0 }],
      floor: origin,
      proofs: [],
      proofsSince: 0,
      lastFailover: undefined,
    }
  }

  readonly node = (name: string): Node => {
    const found = this.nodes.find((each) => each.name === name)
    if (found === undefined) throw new Error(`there is no member ${name}`)
    return found
  }

  get isServing(): boolean {
    const { phase } = this.record
    return phase.kind === 'serving' && this.node(phase.primary).runs
  }

  /** One step of everything, in the order in which it hurts most. */
  step(): void {
    this.now = later(this.now, stepTime)
    this.#previousEpoch = this.#epochBefore
    this.#epochBefore = this.record.epoch
    this.#serve()
    this.#replicate()
    this.#acknowledge()
    this.#deliver()
    this.#guard()
    this.#report()
    this.#lead()
    this.#checkStale()
  }

  /** Whoever can be told that its epoch is over stops taking writes soon. */
  #checkStale(): void {
    for (const node of this.nodes) {
      const isTold = node.runs && node.keeperUp && !node.unled
      const isStale = node.server === 'primary' && node.epoch < this.record.epoch
      node.staleSteps = isTold && isStale && node.writable ? node.staleSteps + 1 : 0
      if (node.staleSteps > staleMost) throw new Broken(`${node.name} goes on at a past epoch`)
    }
  }

  #linked(from: Node, to: Node): boolean {
    return !this.cuts.has(`${from.name}>${to.name}`)
  }

  /** Every primary that takes writes is asked to take one. */
  #serve(): void {
    for (const node of this.nodes) {
      if (node.server !== 'primary' || !node.runs || !node.writable || node.quiescing) continue
      const id = this.#nextId
      this.#nextId += 1
      node.append(id)
      this.#pending.push({ id, on: node, epoch: node.epoch, after: this.#highestAcked })
    }
  }

  #replicate(): void {
    for (const node of this.nodes) {
      const { source } = node
      if (node.server !== 'replica' || !node.runs || source === undefined) continue
      const isThere = source.runs && source.server === 'primary' && this.#linked(source, node)
      if (!isThere || source.epoch !== node.sourceEpoch) {
        if (since(node.receivedAt, this.now) > this.wish.bounds.silence) node.streams = false
      } else if (below(this.#random, 4) > 0) node.receive(below(this.#random, 4), this.now)
    }
  }

  /** Clients hear of a write as soon as enough of the set in force have it. */
  #acknowledge(): void {
    this.#pending = this.#pending.filter((write) => {
      const { on } = write
      if (on.server !== 'primary' || on.epoch !== write.epoch) return false
      if (!on.runs || on.acks === undefined) return true
      const length = on.log.indexOf(write.id) + 1
      const count = on.acks.members.filter((name) => this.#confirms(this.node(name), on, length))
      if (count.length < on.acks.needed) return true
      this.#tell(write)
      return false
    })
  }

  #confirms(replica: Node, primary: Node, length: number): boolean {
    return (
      replica.runs &&
      replica.streams &&
      replica.source === primary &&
      this.#linked(replica, primary) &&
      replica.log.length >= length
    )
  }

  #tell(write: Write): void {
    const leader = this.#leaders.get(write.epoch)
    if (leader !== undefined && leader !== write.on.name) {
      throw new Broken(`${leader} and ${write.on.name} both acknowledge at epoch ${write.epoch}`)
    }
    if (leader === undefined) this.#checkLog(write.on)
    this.#leaders.set(write.epoch, write.on.name)
    if (write.epoch < write.after) {
      throw new Broken(`epoch ${write.epoch} acknowledges what was begun after ${write.after} had`)
    }
    this.#highestAcked = Math.max(this.#highestAcked, write.epoch)
    this.acknowledged.push(write.id)
  }

  #deliver(): void {
    const due = this.#flying.filter(({ at }) => at <= this.now)
    this.#flying = this.#flying.filter(({ at }) => at > this.now)
    for (const order of due) {
      const node = this.node(order.action.member)
      if (!node.machineUp || !node.keeperUp || node.unled) continue
      if (order.action.kind === 'promote' && !this.#isRead(order)) continue
      node.take(order, this.node, this.#sabotage, this.now)
    }
  }

  /** Before it promotes, a keeper reads the record; that may change just after it has looked. */
  #isRead(order: Order): boolean {
    return this.record.epoch === order.epoch || this.#previousEpoch === order.epoch
  }

  /** Whoever answers as primary has every write that a client was ever told of. */
  #checkLog(node: Node): void {
    if (this.wish.durability === 'async' || this.#wasAccepted()) return
    const has = new Set(node.log)
    const lost = this.acknowledged.filter((id) => !has.has(id))
    if (lost.length > 0) {
      throw new Broken(`${node.name} is primary of epoch ${node.epoch} without ${lost.join(' ')}`)
    }
  }

  #wasAccepted(): boolean {
    return this.record.proofs.some(({ acceptedLoss }) => acceptedLoss)
  }

  /** A guard ends a primary that nobody has confirmed for as long as the lease lasts. */
  #guard(): void {
    for (const node of this.nodes) {
      if (!node.machineUp || node.server !== 'primary') continue
      if (node.quiescing && this.#allHave(node)) node.stop()
      if (node.keeperUp && !node.unled) node.confirmedAt = this.now
      if (this.#sabotage.hasNoGuard) continue
      if (since(node.confirmedAt, this.now) >= this.wish.bounds.lease && !this.#isVouched(node)) {
        node.stop()
      }
    }
  }

  #allHave(primary: Node): boolean {
    return this.nodes.every(
      (each) => each.source !== primary || !each.streams || each.log.length >= primary.log.length,
    )
  }

  /** Enough of its set still receive that nobody else can have been elected. */
  #isVouched(node: Node): boolean {
    const { acks } = node
    if (acks === undefined || acks.needed === 0) return false
    const near = acks.members.filter((name) => this.#confirms(this.node(name), node, 0))
    return near.length >= acks.members.length - acks.needed + 1
  }

  #report(): void {
    for (const node of this.nodes) {
      const isHung = node.hung || this.#isBlocked(node)
      if (!isHung) node.failingSince = undefined
      else node.failingSince ??= this.now
      if (!node.machineUp || !node.keeperUp || node.unled) continue
      this.sightings.set(node.name, node.sighting(this.now))
    }
  }

  /** A write probe of a primary needs its acknowledgement as any other write does. */
  #isBlocked(node: Node): boolean {
    if (node.server !== 'primary' || node.acks === undefined || node.quiescing) return false
    const near = node.acks.members.filter((name) => this.#confirms(this.node(name), node, 0))
    return near.length < node.acks.needed
  }

  /** A view of now, to decide by later: what a leader has that does not know it is one no more. */
  snapshot(): Snapshot {
    return { record: this.record, sightings: new Map(this.sightings) }
  }

  #lead(): void {
    this.#decideBy(this.snapshot(), this.now)
    if (this.staleView !== undefined && below(this.#random, 4) === 0) {
      this.#decideBy(this.staleView, this.now)
    }
  }

  #decideBy({ record, sightings }: Snapshot, now: Instant): void {
    const { wish, request } = this
    const members = [...sightings.values()]
    const decision = this.#decide({ now, wish, record, members, paused: false, request })
    if (record === this.record) this.lastRule = decision.rule
    this.rules.set(decision.rule, (this.rules.get(decision.rule) ?? 0) + 1)
    for (const action of decision.actions) {
      if (action.kind === 'record') {
        // Compare and set: a view of the past changes nothing.
        if (record.version === this.record.version) this.record = action.record
      } else this.#send({ action, epoch: record.epoch, version: record.version })
    }
  }

  /** Orders are lost, come late, and come twice. */
  #send(order: Order): void {
    const luck = below(this.#random, 20)
    if (luck === 0) return
    const at = later(this.now, ms(below(this.#random, 3) * stepTime))
    this.#flying.push({ ...order, at })
    if (luck > 2) return
    this.#flying.push({ ...order, at: later(this.now, ms(below(this.#random, 40) * stepTime)) })
  }
}
