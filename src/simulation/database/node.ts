// A member of a replicated database in memory: a log, a stream, and a keeper that takes orders.

import type { AckSet, DatabaseAction, MemberSighting, Position } from '../../databases/model.ts'
import { sameSet } from '../../databases/quorum.ts'
import type { Instant } from '../../foundation/time.ts'
import { instant } from '../../foundation/time.ts'

/** An order as it travels: what is to be done, and the record that it follows from. */
export interface Order {
  readonly action: Exclude<DatabaseAction, { readonly kind: 'record' }>
  readonly epoch: number
  readonly version: number
}

/** What is deliberately wrong in a control run, to see that it is noticed. */
export interface Sabotage {
  readonly forgetsPromises?: boolean
  readonly takesLateOrders?: boolean
  readonly hasNoGuard?: boolean
}

/** Never heard of. */
const never = instant(-1_000_000)

export class Node {
  readonly name: string
  machineUp = true
  keeperUp = true
  /** Cut off from the coordinator. */
  unled = false
  hung = false
  server: 'absent' | 'stopped' | 'primary' | 'replica' = 'absent'
  /** The ids of all writes on its disk, in order, and the history that each was written on. */
  log: number[] = []
  lines: number[] = []
  writable = false
  quiescing = false
  acks: AckSet | undefined
  acksVersion = 0
  acksSince: Position | undefined
  /** On disk. */
  epoch = 0
  promised = 0
  version = 0
  /** Whom it was told to follow, and at which epoch; whether anything has come from there. */
  source: Node | undefined
  sourceEpoch = 0
  streams = false
  diverged = false
  receivedAt: Instant = never
  failingSince: Instant | undefined
  /** When its guard was last told that it may go on. */
  confirmedAt: Instant = never
  /** For how many steps it has gone on at an epoch that is over. */
  staleSteps = 0

  constructor(name: string) {
    this.name = name
  }

  get runs(): boolean {
    return this.machineUp && !this.hung && (this.server === 'primary' || this.server === 'replica')
  }

  get position(): Position {
    return { line: this.lines.at(-1) ?? 0, at: this.log.length }
  }

  get hasData(): boolean {
    return this.server !== 'absent'
  }

  stop(): void {
    if (this.server !== 'absent') this.server = 'stopped'
    this.writable = false
    this.quiescing = false
    this.streams = false
    this.source = undefined
    this.failingSince = undefined
    this.hung = false
  }

  /** What its keeper says of it. */
  sighting(now: Instant): MemberSighting {
    const position = this.hasData ? this.position : undefined
    return {
      member: this.name,
      heard: now,
      server: this.server,
      epoch: this.epoch,
      promised: this.promised,
      writable: this.writable,
      received: position,
      applied: position,
      upstream: this.streams ? this.source?.name : undefined,
      receivedAt: this.receivedAt,
      acks: this.server === 'primary' ? this.acks : undefined,
      acksVersion: this.acksVersion,
      acksSince: this.server === 'primary' ? this.acksSince : undefined,
      diverged: this.diverged,
      failingSince: this.failingSince,
    }
  }

  /** Carries out an order, unless it is of the past. Returns whether it did. */
  take(order: Order, find: (name: string) => Node, sabotage: Sabotage, now: Instant): boolean {
    const { action, epoch, version } = order
    if (epoch < this.promised && !sabotage.forgetsPromises) return false
    if (version < this.version && !sabotage.takesLateOrders) return false
    this.version = Math.max(this.version, version)
    switch (action.kind) {
      case 'initialise':
        if (this.server === 'absent') this.server = 'stopped'
        return true
      case 'freeze':
        return this.#freeze(epoch)
      case 'fence':
        this.stop()
        return true
      case 'quiesce':
        if (this.server === 'primary') this.quiescing = true
        return true
      case 'promote':
        return this.#promote(epoch, version, action.acks, now)
      case 'set-acks':
        return this.#setAcks(epoch, version, action.acks)
      case 'follow':
        return this.#follow(find(action.primary), epoch, action.way)
    }
  }

  #freeze(epoch: number): boolean {
    if (this.server === 'primary' || this.hung) this.stop()
    this.streams = false
    this.source = undefined
    this.promised = epoch
    return true
  }

  #promote(epoch: number, version: number, acks: AckSet, now: Instant): boolean {
    if (!this.hasData) return false
    if (this.server === 'primary' && this.epoch === epoch) return true
    this.stop()
    this.server = 'primary'
    this.acks = undefined
    this.writable = true
    this.epoch = epoch
    this.promised = epoch
    this.diverged = false
    // A new history begins with a record of its own.
    this.append(-epoch)
    this.confirmedAt = now
    return this.#setAcks(epoch, version, acks)
  }

  #setAcks(epoch: number, version: number, acks: AckSet): boolean {
    if (this.server !== 'primary' || this.epoch !== epoch) return false
    if (this.acks === undefined || !sameSet(this.acks, acks)) this.acksSince = this.position
    this.acks = acks
    this.acksVersion = version
    return true
  }

  #follow(primary: Node, epoch: number, way: 'follow' | 'rewind' | 'clone'): boolean {
    if (this.server === 'replica' && this.source === primary && this.sourceEpoch === epoch) {
      if (!this.diverged) return true
    }
    if (way !== 'follow') {
      // Whatever it had is gone from here on, whether or not there is anything to copy.
      this.stop()
      this.log = []
      this.lines = []
      this.server = 'absent'
      this.diverged = false
      if (!primary.runs || primary.epoch !== epoch) return false
      this.log = [...primary.log]
      this.lines = [...primary.lines]
    } else if (!this.hasData) return false
    if (this.server === 'primary') this.stop()
    this.server = 'replica'
    this.hung = false
    this.streams = false
    this.source = primary
    this.sourceEpoch = epoch
    this.promised = Math.max(this.promised, epoch)
    return true
  }

  /** Takes up to `most` writes of its source, if its own log is a part of that one's. */
  receive(most: number, now: Instant): void {
    const source = this.source as Node
    const isPart =
      this.log.length <= source.log.length && this.log.at(-1) === source.log[this.log.length - 1]
    if (!isPart) {
      this.diverged = true
      this.streams = false
      return
    }
    this.streams = true
    this.receivedAt = now
    this.epoch = this.sourceEpoch
    const from = this.log.length
    this.log.push(...source.log.slice(from, from + most))
    this.lines.push(...source.lines.slice(from, from + most))
  }

  /** Writes to its own log. */
  append(id: number): void {
    this.log.push(id)
    this.lines.push(this.epoch)
  }
}
