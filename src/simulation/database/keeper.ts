// What does a keeper make of an order? It refuses what is of the past, and takes time for the rest.

import type { AckSet, DatabaseAction } from '../../databases/model.ts'
import { sameForce } from '../../databases/quorum.ts'
import { below, type Random } from '../../foundation/random.ts'
import { type Instant, type Milliseconds, since } from '../../foundation/time.ts'
import { entryOf } from './log.ts'
import type { Node } from './node.ts'

/** An order as it travels: what is to be done, and the record that it follows from. */
export interface Order {
  readonly action: Exclude<DatabaseAction, { readonly kind: 'record' }>
  readonly epoch: number
  readonly version: number
}

/** Something that takes more than a moment. */
export interface Work {
  /** Which order it is for: the same order again changes nothing. */
  readonly what: string
  /** Goes on for one step; whether it is at its end. */
  step(): boolean
  done(): void
  /** The keeper or the machine ended meanwhile, or another order came. */
  broken(): void
}

/** What a keeper and its server find around them. */
export interface Surroundings {
  readonly now: Instant
  readonly random: Random
  readonly lease: Milliseconds
  find(name: string): Node
  isLinked(from: Node, to: Node): boolean
  /** What the coordinator says when it is asked now. */
  readEpoch(): number
  /** A number that no other write has. */
  fresh(): number
}

const isLate = (node: Node, { epoch, version }: Order): boolean =>
  epoch === node.orderEpoch && version < node.orderVersion

/** Carries out an order, unless it is of the past. */
export function take(node: Node, order: Order, around: Surroundings): void {
  const { action, epoch, version } = order
  const { sabotage } = node
  if (epoch < node.promised && !sabotage.forgetsPromises) return
  if (isLate(node, order) && !sabotage.takesLateOrders) return
  if (action.kind === 'fence') {
    node.endWork(false)
    node.stop()
    return
  }
  // Neither a promise nor an order can be written down: nothing may be done that rests on it.
  if (node.diskFull) return
  node.orderEpoch = epoch
  node.orderVersion = version
  switch (action.kind) {
    case 'initialise':
      if (!node.hasData) {
        node.hasData = true
        node.isClean = true
        node.log.cut(0)
      }
      return
    case 'freeze':
      freeze(node, epoch, around)
      return
    case 'quiesce':
      if (node.server === 'primary') node.quiescing = true
      return
    case 'promote':
      promote(node, order, action, around)
      return
    case 'restore':
      takeRestored(node, epoch, action.id)
      return
    case 'set-acks':
      if (node.server === 'primary' && node.epoch === epoch) setAcks(node, version, action.acks)
      return
    case 'follow':
      follow(node, epoch, action, around)
      return
    case 'restart':
      restart(node, epoch, action.primary, around)
  }
}

/** What lies beside it is the first half of what it once had. */
function takeRestored(node: Node, epoch: number, id: string): void {
  node.promised = Math.max(node.promised, epoch)
  if (node.copiedFor === id) return
  node.endWork(false)
  node.stop(true)
  node.log.cut(Math.floor(node.log.length / 2))
  node.copiedFor = id
  node.restoredAt = epoch
  node.epoch = 0
  node.hasData = true
  node.isClean = true
  node.isWreck = false
  node.diverged = false
  node.forgot = false
  node.source = undefined
}

function freeze(node: Node, epoch: number, { random }: Surroundings): void {
  if (node.work !== undefined) node.endWork(false)
  node.promised = Math.max(node.promised, epoch)
  if (!node.hasData || node.isWreck) return
  if (node.server === 'primary' || node.hung) node.stop()
  node.streams = false
  // It says what it has once all that came is on its disk: nothing is added to it afterwards.
  node.log.synced = node.log.length
  if (node.sabotage.freezesInMemory) node.isHeld = true
  else node.source = undefined
  if (node.sabotage.freezesUnapplied) node.log.cut(node.log.applied)
  if (node.server !== 'none') return
  if (node.sabotage.truncatesAtRestart) {
    node.log.cut(Math.max(0, node.log.length - below(random, 4)))
  }
  node.start(1 + below(random, 3))
}

type Promote = Extract<DatabaseAction, { readonly kind: 'promote' }>

function promote(
  node: Node,
  { epoch, version }: Order,
  { acks, start }: Promote,
  around: Surroundings,
): void {
  const what = `promote ${epoch}`
  if (!node.hasData || node.isWreck || node.work?.what === what) return
  // It is, or was: what it had not been acknowledged for may be seen only after another election.
  if (node.epoch === epoch && !node.sabotage.promotesTwice) return
  if (around.readEpoch() !== epoch && !node.sabotage.promotesUnread) return
  node.endWork(false)
  node.promised = Math.max(node.promised, epoch)
  // Whoever is promoted receives from nobody, also if it was not asked to stop before.
  node.streams = false
  node.source = undefined
  const readAt = around.now
  let left = 1 + below(around.random, 3)
  const { log } = node
  const isReady = (): boolean =>
    node.server === 'replica' &&
    (log.synced >= start.at || node.sabotage.promotesForgetful === true) &&
    (log.applied === log.length || node.sabotage.promotesUnapplied === true)
  const done = (): void => {
    // What has not been applied when a history of its own begins is never applied.
    if (node.sabotage.promotesUnapplied) log.cut(log.applied)
    node.life += 1
    node.server = 'primary'
    node.writable = true
    node.streams = false
    node.source = undefined
    node.diverged = false
    // It was proved to have everything, or what it has not was given up.
    node.forgot = false
    node.epoch = epoch
    node.promised = Math.max(node.promised, epoch)
    // All that it has can be seen from now on, whoever else has it; its first record is nobody's.
    node.visible = log.length
    log.append(entryOf(epoch, around.fresh()))
    node.confirmed.length = 0
    node.telling.length = 0
    node.acks = undefined
    setAcks(node, version, acks)
    node.confirmedAt = node.sabotage.leasesLate ? around.now : readAt
    const isOver = since(node.confirmedAt, around.now) >= around.lease
    if (isOver && !node.sabotage.hasNoGuard) node.stop()
  }
  node.work = {
    what,
    step: () => {
      if (node.server === 'none' || node.server === 'primary') {
        node.stop()
        node.start(1 + below(around.random, 3))
      }
      if (!isReady()) return false
      left -= 1
      return left <= 0
    },
    done,
    // It may have been told already: then it becomes primary whoever is there to see.
    broken: () => {
      if (node.machineUp && isReady() && below(around.random, 2) === 0) done()
    },
  }
}

function setAcks(node: Node, version: number, acks: AckSet): void {
  const isOther = node.acks === undefined || !sameForce(node.acks, acks)
  if (isOther) node.acksSince = node.position
  node.acks = acks
  node.acksVersion = version
}

/** Its server is another one as soon as it ends: it comes back as any that was stopped. */
function restart(node: Node, epoch: number, primary: string, around: Surroundings): void {
  if (node.server === 'primary' || node.work !== undefined) return
  node.stop(!node.hung)
  follow(node, epoch, { kind: 'follow', member: node.name, primary, way: 'follow' }, around)
}

type Follow = Extract<DatabaseAction, { readonly kind: 'follow' }>

function follow(node: Node, epoch: number, action: Follow, around: Surroundings): void {
  const source = around.find(action.primary)
  const what = `${action.way} ${action.primary} ${epoch}`
  if (node.work?.what === what) return
  const isUp = node.server === 'replica' || node.server === 'starting'
  const follows = isUp && node.source === source && node.sourceEpoch === epoch
  const isCopied = action.copyFor === undefined || action.copyFor === node.copiedFor
  // It does already; one that comes late would have it copied again and again.
  if (follows && !node.diverged && !node.hung && isCopied) return
  node.endWork(false)
  node.promised = Math.max(node.promised, epoch)
  if (node.server === 'primary' || node.hung) node.stop()
  if (action.way === 'follow') resume(node, source, epoch, what, around)
  else copy(node, source, epoch, action, around)
}

function connect(node: Node, source: Node, epoch: number): void {
  node.isHeld = false
  node.source = source
  node.sourceEpoch = epoch
  node.streams = false
}

/** Goes on from where it is. */
function resume(
  node: Node,
  source: Node,
  epoch: number,
  what: string,
  { random }: Surroundings,
): void {
  if (!node.hasData || node.isWreck) return
  const { log, engine } = node
  node.streams = false
  node.source = undefined
  node.work = {
    what,
    step: () => {
      if (node.server === 'none') node.start(1 + below(random, 3))
      if (node.server !== 'replica') return false
      if (!engine.forgetsUnapplied) return true
      return log.applied === log.length
    },
    done: () => connect(node, source, epoch),
    broken: () => undefined,
  }
}

/** What it has is given up, and all of it or the difference comes from the primary. */
function copy(
  node: Node,
  source: Node,
  epoch: number,
  { way, primary, copyFor }: Follow,
  { random, isLinked }: Surroundings,
): void {
  node.stop()
  const isThere = (): boolean =>
    source.runs &&
    source.server === 'primary' &&
    source.epoch === epoch &&
    isLinked(source, node) &&
    isLinked(node, source)
  if (!isThere()) return
  node.restoredAt = undefined
  // A copy is made beside what is there, and takes its place when it is whole.
  node.isWreck = way === 'rewind'
  let left = 2 + below(random, 5)
  node.work = {
    what: `${way} ${primary} ${epoch}`,
    step: () => {
      if (!isThere()) {
        node.endWork(false)
        return false
      }
      left -= 1
      return left <= 0
    },
    done: () => {
      node.diverged = false
      node.log.become(source.log)
      node.hasData = true
      node.isWreck = false
      node.forgot = false
      node.epoch = epoch
      node.copiedFor = copyFor ?? node.copiedFor
      node.start(1 + below(random, 2))
      connect(node, source, epoch)
    },
    broken: () => undefined,
  }
}
