// A replicated database whose members, links and deciders fail, one step after the other.

import { firstRecord } from '../../databases/board.ts'
import { decide } from '../../databases/decide.ts'
import type {
  DatabaseObservation,
  DatabaseRecord,
  DatabaseWish,
  MemberSighting,
  Request,
} from '../../databases/model.ts'
import { isFulfilled, mayLeave } from '../../databases/requests.ts'
import { below, type Random } from '../../foundation/random.ts'
import { type Instant, instant, later, ms, since } from '../../foundation/time.ts'
import { Broken, Witness, type Write } from './checks.ts'
import { type EngineModel, postgresql, type Sabotage } from './engine.ts'
import { guard, heldTo, isWaiting } from './guard.ts'
import { type Order, type Surroundings, take } from './keeper.ts'
import { entryOf } from './log.ts'
import { Node } from './node.ts'
import { isRest, stays } from './rest.ts'

/** How long one step takes. */
export const stepTime = ms(100)

/** Orders are lost and late: after so many steps one has come. */
const staleMost = 24
/** In a control, so long nobody acknowledges before a primary goes on alone. */
const degradesAfter = 8

/** A function that decides; the rules, or in a control a table that lacks one. */
export type Decide = (seen: DatabaseObservation) => ReturnType<typeof decide>

/** What a world is made of. */
export interface WorldParts {
  readonly wish: DatabaseWish
  readonly random: Random
  /** All that may ever be members; those of the wish, if there are no others. */
  readonly names?: readonly string[]
  readonly engine?: EngineModel
  readonly sabotage?: Sabotage
  readonly decide?: Decide
}

interface Flying extends Order {
  readonly at: Instant
}

/** What a decider knew at some time. */
export interface Snapshot {
  readonly record: DatabaseRecord
  readonly sightings: readonly MemberSighting[]
}

export class DatabaseWorld {
  readonly nodes: readonly Node[]
  wish: DatabaseWish
  now = instant(1_000_000)
  /** At `from * nodes + to`: nothing goes from one to the other. */
  readonly cuts: Uint8Array
  record: DatabaseRecord = firstRecord
  request: Request | undefined
  paused = false
  /** Nothing is lost or late any more. */
  isCalm = false
  /** Nobody decides: the coordinator is gone, or whoever decided is stopped. */
  undecided = false
  /** Whoever decides has heard nobody before; `undefined`: that is long ago. */
  listeningSince: Instant | undefined
  /** Decisions of the last leader come from a view that is this old. */
  staleView: Snapshot | undefined
  readonly witness = new Witness()
  readonly rules = new Map<string, number>()
  lastRule = ''
  /** Told of every decision, where somebody wants to know. */
  onDecision: ((decision: ReturnType<Decide>) => void) | undefined
  readonly random: Random
  readonly #sabotage: Sabotage
  readonly #decide: Decide
  readonly #sightings: (MemberSighting | undefined)[]
  /** What was seen when it was decided last that all is steady. */
  #rest: DatabaseObservation | undefined
  #told: readonly MemberSighting[] | undefined
  readonly #around: Surroundings
  #flying: Flying[] = []
  readonly #pending: Write[] = []
  #nextId = 1
  #steps = 0
  #previousEpoch = 0
  #epochBefore = 0

  constructor({ wish, names, random, engine = postgresql, ...parts }: WorldParts) {
    const { sabotage = {}, decide: by = decide } = parts
    this.wish = wish
    this.random = random
    this.#sabotage = sabotage
    this.#decide = by
    this.nodes = (names ?? wish.members).map((name, at) => new Node(name, at, engine, sabotage))
    this.cuts = new Uint8Array(this.nodes.length ** 2)
    this.#sightings = this.nodes.map(() => undefined)
    this.#around = this.#surroundings()
  }

  #surroundings(): Surroundings {
    const world = this
    return {
      random: this.random,
      lease: this.wish.bounds.lease,
      find: this.node,
      get now() {
        return world.now
      },
      isLinked: (from, to) => world.isLinked(from, to),
      // It may change just after a keeper has looked.
      readEpoch: () => (below(world.random, 4) === 0 ? world.#previousEpoch : world.record.epoch),
      fresh: () => world.#fresh(),
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

  isLinked(from: Node, to: Node): boolean {
    return this.cuts[from.index * this.nodes.length + to.index] === 0
  }

  cut(from: Node, to: Node): void {
    this.cuts[from.index * this.nodes.length + to.index] = 1
  }

  /** One step of everything, in the order in which it hurts most. */
  step(): void {
    this.now = later(this.now, stepTime)
    this.#steps += 1
    this.#previousEpoch = this.#epochBefore
    this.#epochBefore = this.record.epoch
    this.#serve()
    this.#replicate()
    this.#acknowledge()
    this.#read()
    this.#deliver()
    for (const node of this.nodes) node.run(this.random)
    for (const node of this.nodes) guard(node, this, this.#sabotage)
    this.#report()
    this.#lead()
    this.#checkStale()
  }

  /** Whoever can be told that its epoch is over stops taking writes soon. */
  #checkStale(): void {
    for (const node of this.nodes) {
      const isStale = node.writable && node.server === 'primary' && node.epoch < this.record.epoch
      const canBeTold = node.runs && node.isLed && !this.undecided
      node.staleSteps = isStale && canBeTold ? node.staleSteps + 1 : 0
      if (node.staleSteps > staleMost) {
        throw new Broken(`${node.name} goes on at a past epoch`)
      }
    }
  }

  #fresh(): number {
    this.#nextId += 1
    return this.#nextId
  }

  /** Every primary that takes writes is asked to take one: some routers know no better. */
  #serve(): void {
    for (const node of this.nodes) {
      if (node.server !== 'primary' || !node.runs || !node.writable || node.quiescing) continue
      if (node.diskFull) {
        if (node.engine.endsWhenFull) node.stop()
        continue
      }
      const entry = entryOf(node.epoch, this.#fresh())
      const at = node.log.length
      node.log.append(entry)
      if (this.#sabotage.showsUnacknowledged) node.visible = node.log.length
      const { life, epoch } = node
      const after = this.witness.highest
      this.#pending.push({ entry, at, on: node, life, epoch, after, since: this.now })
    }
  }

  /** Replicas receive, and tell their primary what they have on disk. */
  #replicate(): void {
    const { silence } = this.wish.bounds
    for (const node of this.nodes) {
      const { source } = node
      if (node.server !== 'replica' || source === undefined || !node.runs || node.isHeld) continue
      const isThere = source.runs && source.server === 'primary' && this.isLinked(source, node)
      if (!isThere || source.epoch !== node.sourceEpoch) {
        if (since(node.receivedAt, this.now) > silence) node.streams = false
        continue
      }
      // A link that is there passes something before whoever waits at its end takes it for gone.
      const isDue = node.streams && since(node.receivedAt, this.now) >= silence / 2
      if (!this.isCalm && below(this.random, 4) === 0 && !isDue) continue
      node.receive(below(this.random, 4), this.now)
      if (!node.streams || !this.isLinked(node, source)) continue
      const { acknowledgesUnsynced } = this.#sabotage
      source.telling[node.index] = acknowledgesUnsynced ? node.log.length : node.log.synced
    }
  }

  /** Clients hear of a write as soon as enough of the set in force have it. */
  #acknowledge(): void {
    for (const node of this.nodes) {
      node.heldTo = -1
      if (node.server !== 'primary' || !node.runs || below(this.random, 3) === 0) continue
      // What was on its way when a replica stopped comes all the same.
      for (let at = 0; at < node.telling.length; at += 1) {
        const told = node.telling[at]
        if (told !== undefined) node.confirmed[at] = Math.max(node.confirmed[at] ?? 0, told)
      }
    }
    let kept = 0
    for (const write of this.#pending) {
      if (!this.#waits(write)) continue
      this.#pending[kept] = write
      kept += 1
    }
    this.#pending.length = kept
  }

  #waits(write: Write): boolean {
    const { on, life, at } = write
    if (on.life !== life) return false
    if (!on.runs || on.acks === undefined) return true
    if (on.heldTo < 0) on.heldTo = heldTo(on, on.acks, this)
    const isDegraded =
      this.#sabotage.degrades && since(write.since, this.now) > degradesAfter * stepTime
    if (on.heldTo <= at && !isDegraded) return true
    this.witness.tell(write)
    on.visible = Math.max(on.visible, at + 1)
    return false
  }

  /** Through the door, which goes by the record, a client reads what is there. */
  #read(): void {
    const { phase } = this.record
    if (phase.kind !== 'serving') return
    const node = this.node(phase.primary)
    const isOpen = node.runs && node.writable && node.epoch === this.record.epoch
    if (isOpen) this.witness.see(node)
  }

  #deliver(): void {
    const flying = this.#flying
    if (flying.length > 0) {
      let kept = 0
      for (const order of flying) {
        if (order.at <= this.now) this.#arrive(order)
        else {
          flying[kept] = order
          kept += 1
        }
      }
      flying.length = kept
    }
    for (const node of this.nodes) {
      if (node.inbox.length === 0 || node.keeper !== 'up') continue
      for (const order of node.inbox.splice(0)) take(node, order, this.#around)
    }
  }

  #arrive(order: Order): void {
    const node = this.node(order.action.member)
    if (!node.machineUp || node.unled || node.cutOff || node.keeper === 'down') return
    if (node.keeper === 'frozen') node.inbox.push(order)
    else take(node, order, this.#around)
  }

  /** Keepers write down what they see; what was written confirms that somebody listens. */
  #report(): void {
    for (const node of this.nodes) {
      const isFailing = node.hung || (node.diskFull && node.server === 'primary')
      node.failingSince = isFailing ? (node.failingSince ?? this.now) : undefined
      const waits = !isFailing && isWaiting(node, this)
      node.waitingSince = waits ? (node.waitingSince ?? this.now) : undefined
      // Every second step, less a few that are lost or late.
      const isSaid = this.isCalm || below(this.random, 16) > 0
      const isDue = isSaid && (this.#steps + node.index) % 2 === 0
      if (!isDue || !node.isLed) continue
      this.#told = undefined
      const isMember = this.wish.members.includes(node.name)
      if (!isMember && mayLeave(this.record, node.name)) {
        node.endWork(false)
        node.stop()
        this.#sightings[node.index] = undefined
        continue
      }
      this.#sightings[node.index] = node.sighting(this.now)
      if (node.epoch === this.record.epoch) node.confirmedAt = this.now
    }
  }

  /** What is known of each; the same list until something is told. */
  get sightings(): readonly MemberSighting[] {
    this.#told ??= this.#sightings.filter((each) => each !== undefined)
    return this.#told
  }

  /** Nothing is under way any more that was sent before. */
  calm(): void {
    this.isCalm = true
    this.#flying = []
    for (const node of this.nodes) node.inbox = []
  }

  /** A view of now, to decide by later: what a leader has that does not know it is one no more. */
  snapshot(): Snapshot {
    return { record: this.record, sightings: this.sightings }
  }

  /** Whoever decides starts anew, and has heard of nobody yet. */
  listenAnew(): void {
    this.#sightings.fill(undefined)
    this.#told = undefined
    this.listeningSince = this.now
  }

  /** All that was written down in the coordinator is gone. */
  loseRecord(): void {
    this.record = { ...firstRecord }
    this.staleView = undefined
    this.#flying = []
  }

  #lead(): void {
    if (!this.undecided && (this.isCalm || below(this.random, 2) === 0)) {
      this.#decideBy(this.record, this.sightings)
    }
    const { staleView } = this
    if (staleView === undefined || below(this.random, 4) > 0) return
    // Sometimes it hears of the record again before it hears of the members.
    const record = below(this.random, 3) === 0 ? this.record : staleView.record
    this.#decideBy(record, staleView.sightings)
  }

  #decideBy(record: DatabaseRecord, members: readonly MemberSighting[]): void {
    const { wish, request, now, paused } = this
    const { listeningSince } = this
    const seen = { now, wish, record, members, paused, request, listeningSince }
    const isCurrent = record === this.record
    if (isCurrent && this.#rest !== undefined && stays(this.#rest, seen)) {
      this.rules.set(this.lastRule, (this.rules.get(this.lastRule) ?? 0) + 1)
      return
    }
    const decision = this.#decide(seen)
    if (isCurrent) {
      if (decision.rule !== this.lastRule) this.onDecision?.(decision)
      this.lastRule = decision.rule
      this.#rest = this.#decide === decide && isRest(seen, decision.rule) ? seen : undefined
      // Other wishes stay, and change nothing any more; this one would, were the record lost.
      if (request?.kind === 'restore' && isFulfilled(seen)) this.request = undefined
    }
    this.rules.set(decision.rule, (this.rules.get(decision.rule) ?? 0) + 1)
    for (const action of decision.actions) {
      if (action.kind === 'record') {
        // Compare and set: a view of the past changes nothing.
        if (isCurrent) this.#write(action.record)
      } else this.#send({ action, epoch: record.epoch, version: record.version })
    }
  }

  #write(record: DatabaseRecord): void {
    const before = this.record.phase
    const { phase } = record
    this.record = record
    if (phase.kind === 'promoting' && before.kind !== 'promoting' && phase.proof.acceptedLoss) {
      this.witness.giveUp(this.node(phase.winner), phase.proof.givenUp?.at ?? 0)
      const { restored, why } = phase.proof
      // One that begins at a loss does so because an operator has said it when nothing was there.
      const isSaid = this.request?.kind === 'accept-data-loss' || why === 'a database begins'
      if (isSaid || restored) this.witness.disownedBelow = record.epoch
    }
    if (phase.kind === 'serving' && before.kind === 'promoting') {
      this.witness.check(this.node(phase.primary))
    }
  }

  /** Orders are lost, come late, and come twice. */
  #send(order: Order): void {
    const luck = this.isCalm ? 20 : below(this.random, 20)
    if (luck === 0) return
    const at = later(this.now, ms(below(this.random, 3) * stepTime))
    this.#flying.push({ ...order, at })
    if (luck > 2) return
    this.#flying.push({ ...order, at: later(this.now, ms(below(this.random, 40) * stepTime)) })
  }
}
