// A member of a replicated database in memory: its disk, its server, and what its keeper says.

import type { AckSet, MemberSighting, Position } from '../../databases/model.ts'
import { below, type Random } from '../../foundation/random.ts'
import type { Instant } from '../../foundation/time.ts'
import { instant } from '../../foundation/time.ts'
import type { EngineModel, Sabotage } from './engine.ts'
import type { Order, Work } from './keeper.ts'
import { Log, lineOf } from './log.ts'

/** Never heard of. */
export const never = instant(-1_000_000)

export class Node {
  readonly name: string
  readonly index: number
  readonly engine: EngineModel
  readonly sabotage: Sabotage

  machineUp = true
  diskFull = false
  keeper: 'up' | 'down' | 'frozen' = 'up'
  /** Cut off from the coordinator; and from all. */
  unled = false
  cutOff = false
  guardFrozen = false
  /** When its guard was last told that it may go on. */
  confirmedAt: Instant = never
  /** Orders that a frozen keeper has not read yet. */
  inbox: Order[] = []
  /** What its keeper is busy with. */
  work: Work | undefined

  // On disk.
  hasData = false
  readonly log = new Log()
  epoch = 0
  promised = 0
  orderEpoch = 0
  orderVersion = 0
  forgot = false
  /** A copy or a rewind was interrupted: what is there is of no use. */
  isWreck = false
  copiedFor: string | undefined
  restoredAt: number | undefined
  /** A restart that was asked for, and which of its servers ran then. */
  restart: { readonly id: string; readonly life: number } | undefined
  /** Which of its servers runs on other settings than it should. */
  outdated: number | undefined
  source: Node | undefined
  sourceEpoch = 0

  // The server's process.
  server: 'none' | 'starting' | 'primary' | 'replica' = 'none'
  /** It ended by itself, cleanly: where it was is known without starting it. */
  isClean = true
  hung = false
  writable = false
  quiescing = false
  startsIn = 0
  /** Rises whenever a server starts or takes another role: who waits for an answer is let go. */
  life = 0
  acks: AckSet | undefined
  acksVersion = 0
  acksSince: Position | undefined
  /** Of a primary: up to where each member has told it to have all, and what is under way. */
  readonly confirmed: number[] = []
  readonly telling: number[] = []
  /** Of a primary: up to where enough of its set have all; -1 until that is asked in this step. */
  heldTo = -1
  /** Of a primary: up to where others see what it has. */
  visible = 0
  streams = false
  /** In a control: told to receive from nobody, and has not written that down. */
  isHeld = false
  diverged = false
  receivedAt: Instant = never
  /** Where its source was when it came back with less than it may have acknowledged. */
  recallAt = 0
  failingSince: Instant | undefined
  waitingSince: Instant | undefined
  /** For how many steps it has gone on at an epoch that is over. */
  staleSteps = 0

  constructor(name: string, index: number, engine: EngineModel, sabotage: Sabotage) {
    this.name = name
    this.index = index
    this.engine = engine
    this.sabotage = sabotage
  }

  /** It answers: to others, and to those that write. */
  get runs(): boolean {
    return this.machineUp && !this.hung && (this.server === 'primary' || this.server === 'replica')
  }

  get position(): Position {
    const { log } = this
    const at = log.synced
    return { line: at === 0 ? 0 : lineOf(log.entries[at - 1] as number), at }
  }

  /** Its keeper is there, and hears the coordinator. */
  get isLed(): boolean {
    return this.machineUp && this.keeper === 'up' && !this.unled && !this.cutOff
  }

  /** Its server ends: killed, crashed, or told to. */
  stop(isClean = false): void {
    if (this.server === 'replica' || this.server === 'starting') this.#forgetUnapplied()
    if (this.server !== 'none') this.isClean = isClean
    this.server = 'none'
    this.isHeld = false
    this.life += 1
    this.writable = false
    this.quiescing = false
    this.streams = false
    this.failingSince = undefined
    this.waitingSince = undefined
    this.hung = false
    this.acks = undefined
  }

  #forgetUnapplied(): void {
    const { log } = this
    if (!this.engine.forgetsUnapplied || log.applied >= log.synced) return
    log.cut(log.applied)
    this.recallAt = 0
    if (!this.sabotage.hidesForgetting) this.forgot = true
  }

  /** The machine loses its power: what is not on disk is gone. */
  losePower(): void {
    this.log.losePower()
    this.stop()
    this.endWork(false)
    this.machineUp = false
    this.keeper = 'down'
    this.inbox = []
    if (this.sabotage.promisesInMemory) this.forgetOrders()
  }

  forgetOrders(): void {
    this.promised = 0
    this.orderEpoch = 0
    this.orderVersion = 0
  }

  /** What it was busy with does not come to its end, or just so. */
  endWork(isDone: boolean): void {
    const { work } = this
    this.work = undefined
    if (work === undefined) return
    if (isDone) work.done()
    else work.broken()
  }

  start(steps: number): void {
    this.life += 1
    this.server = 'starting'
    this.startsIn = steps
    this.writable = false
    this.hung = false
    if (!this.sabotage.freezesInMemory) this.source = undefined
  }

  /** What a server does by itself in one step. */
  run(random: Random): void {
    if (!this.machineUp || this.hung) return
    const { log } = this
    if (this.server === 'starting') {
      this.startsIn -= 1
      if (this.startsIn <= 0) this.server = 'replica'
    }
    if (this.server === 'replica' && log.applied < log.synced) {
      log.applied = Math.min(log.synced, log.applied + below(random, 4))
    }
    if (log.synced < log.length && !this.diskFull && below(random, 4) > 0) log.synced = log.length
    if (this.work !== undefined && this.keeper === 'up') {
      if (this.work.step()) this.endWork(true)
    }
  }

  /** Takes up to `most` writes of its source, if its own log is a part of that one's. */
  receive(most: number, now: Instant): void {
    const source = this.source as Node
    if (!this.log.isPartOf(source.log)) {
      this.diverged = true
      this.streams = false
      return
    }
    if (!this.streams && this.forgot && this.recallAt === 0) this.recallAt = source.log.length
    this.streams = true
    this.receivedAt = now
    if (this.diskFull) return
    this.log.copy(source.log, most)
    if (this.forgot && this.recallAt > 0 && this.log.synced >= this.recallAt) {
      this.forgot = false
      this.recallAt = 0
    }
  }

  /** What its keeper says of it, and has written down before it says so. */
  sighting(now: Instant): MemberSighting {
    if (this.streams && this.source !== undefined) this.epoch = this.sourceEpoch
    const isUp = this.server === 'primary' || this.server === 'replica'
    const isKnown = this.hasData && !this.isWreck && (this.server === 'none' ? this.isClean : isUp)
    const position = isKnown && !this.hung ? this.position : undefined
    const isPrimary = this.server === 'primary'
    return {
      member: this.name,
      heard: now,
      server: this.hasData ? (this.server === 'none' ? 'stopped' : this.server) : 'absent',
      epoch: this.epoch,
      promised: this.promised,
      writable: this.writable,
      received: position,
      applied: position === undefined ? undefined : { line: position.line, at: this.log.applied },
      upstream: this.streams ? this.source?.name : undefined,
      receivedAt: this.receivedAt,
      acks: isPrimary ? this.acks : undefined,
      acksVersion: this.acksVersion,
      acksSince: isPrimary ? this.acksSince : undefined,
      diverged: this.diverged || this.isWreck,
      forgot: this.forgot,
      unfit: this.diskFull ? 'its disk is full' : undefined,
      copiedFor: this.copiedFor,
      restoredAt: this.epoch === 0 ? this.restoredAt : undefined,
      outdated: this.outdated === this.life ? 'other settings' : undefined,
      restartedFor: this.life === this.restart?.life ? undefined : this.restart?.id,
      failingSince: this.failingSince,
      waitingSince: isPrimary ? this.waitingSince : undefined,
    }
  }
}
