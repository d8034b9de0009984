// One short life of a replicated database, from its seed: faults, and then peace.

import { leadOf } from '../../databases/facts.ts'
import type { DatabaseWish, Durability } from '../../databases/model.ts'
import { below, type Random, seededRandom } from '../../foundation/random.ts'
import { ms } from '../../foundation/time.ts'
import { Broken } from './checks.ts'
import { type EngineModel, mariadb, postgresql, type Sabotage } from './engine.ts'
import {
  type Fault,
  guardFaults,
  listeningFaults,
  looseningDeeds,
  loudFaults,
  mend,
  operatorDeeds,
  quietFaults,
  restartDeeds,
  restoreDeeds,
  rise,
} from './faults.ts'
import { heldTo } from './guard.ts'
import type { Node } from './node.ts'
import { sketchOf, traceOf } from './trace.ts'
import { DatabaseWorld, type Decide } from './world.ts'

/** The most steps that a beginning, and that healing may take. */
const beginning = 200
const healing = 500
/** For so many steps nothing may happen any more once all is well. */
const rest = 12
/** It is well, or waits, if it is so for so many steps on end: longer than a loss goes unseen. */
const steady = 20
const soonSteady = 10
/** In a quiet life clients wait no longer than so many steps for an acknowledgement. */
const waitsMost = 30

type Tell = (what: string) => void

/** What is handed to a life. */
export interface LifeParts {
  readonly seed: number
  readonly sabotage?: Sabotage
  readonly decide?: Decide
  /** `undefined`: the seed decides. */
  readonly engine?: 'postgresql' | 'mariadb' | undefined
  readonly durability?: Durability
  /** These faults and no others, many of them: what a control is about happens more often then. */
  readonly only?: readonly string[]
  /** `false`: neither is anything restored, nor does whoever decides start anew. */
  readonly isAll?: boolean
  /** Is told what happens, line by line. */
  readonly tell?: ((line: string) => void) | undefined
}

/** What became of a life. */
export interface Lived {
  readonly seed: number
  readonly acknowledged: number
  readonly given: number
  readonly epochs: number
  readonly rules: ReadonlyMap<string, number>
  /** The promise that did not hold, if one did not. */
  readonly broken: string | undefined
}

const bounds = {
  silence: ms(1000),
  hung: ms(1000),
  ackPatience: ms(800),
  coolDown: ms(4000),
  handOver: ms(3000),
}

type Named = readonly [name: string, fault: Fault]

// Made once: there are millions of lives.
const quiet: readonly Named[] = Object.entries(quietFaults)
const loud: readonly Named[] = Object.entries(loudFaults)
const ofGuards: readonly Named[] = Object.entries(guardFaults)
const ofOperators: readonly Named[] = Object.entries(operatorDeeds)
const loosening: readonly Named[] = Object.entries(looseningDeeds)
const restarts: readonly Named[] = Object.entries(restartDeeds)
const ofRestores: readonly Named[] = Object.entries(restoreDeeds)
const ofListening: readonly Named[] = Object.entries(listeningFaults)

/** What a life knows of: drawn from its seed, so that rare combinations come up. */
interface Plan {
  readonly wish: DatabaseWish
  readonly onDivergence: 'hold' | 'quarantine'
  readonly names: readonly string[]
  readonly engine: EngineModel
  readonly faults: readonly Named[]
  /** Only what no client should notice. */
  readonly isQuiet: boolean
  readonly rate: number
  readonly steps: number
}

function planOf(random: Random, parts: LifeParts): Plan {
  const { durability = 'quorum', engine: named, only, isAll = true } = parts
  const drawn = below(random, 3) === 0 ? mariadb : postgresql
  const engine = named === undefined ? drawn : named === 'mariadb' ? mariadb : postgresql
  const names = ['a', 'b', 'c', 'd', 'e'].slice(0, 2 + below(random, 4))
  const isQuiet = durability === 'quorum' && below(random, 8) === 0 && only === undefined
  const kinds = [...quiet]
  if (!isQuiet) {
    kinds.push(...loud)
    if (durability === 'quorum') kinds.push(...ofGuards)
    if (below(random, 2) === 0) kinds.push(...ofOperators)
    if (durability === 'quorum' && below(random, 8) === 0) kinds.push(...loosening)
  }
  const known = kinds.filter(([name]) => only?.includes(name) ?? below(random, 2) === 0)
  // Drawn apart: what other lives are does not depend on it.
  const draws = (what: string, of: number): boolean =>
    !isQuiet && only === undefined && below(seededRandom(parts.seed, what), of) === 0
  if (draws('restarts', 6)) known.push(...restarts)
  if (isAll && draws('restores', 8)) known.push(...ofRestores)
  if (isAll && draws('listening', 8)) known.push(...ofListening)
  const { ackMost } = engine
  const lease = ms(1000 + 500 * below(random, 2))
  const wish = {
    ...({ name: 'orders', members: names, durability, failover: 'auto' } as const),
    bounds: { ...bounds, lease },
  }
  return {
    wish: { ...wish, ackMost },
    onDivergence: below(random, 8) === 0 ? 'hold' : 'quarantine',
    names,
    engine,
    faults: known,
    isQuiet,
    rate: 0.02 + random.next() * 0.25,
    steps: 20 + below(random, 80),
  }
}

/** Lives one life. The same seed lives the same life. */
export function liveDatabase(parts: LifeParts): Lived {
  const { seed } = parts
  const random = seededRandom(seed, 'database')
  const plan = planOf(random, parts)
  const { sabotage, decide } = parts
  const world = new DatabaseWorld({
    ...{ wish: plan.wish, names: plan.names, engine: plan.engine, random },
    ...(sabotage === undefined ? {} : { sabotage }),
    ...(decide === undefined ? {} : { decide }),
  })
  const tell = parts.tell && traceOf(world, parts.tell)
  const done = (broken: string | undefined): Lived => ({
    seed,
    acknowledged: world.witness.acknowledged,
    given: world.witness.given,
    epochs: world.record.epoch,
    rules: world.rules,
    broken,
  })
  try {
    until(world, beginning, 1, () => isWell(world, undefined))
    world.wish = { ...world.wish, onDivergence: plan.onDivergence }
    trouble(world, plan, random, tell)
    tell?.('peace')
    const lost = !plan.isQuiet && random.next() < 0.4 ? choose(world, random) : undefined
    heal(world, lost)
    recover(world, lost)
    return done(undefined)
  } catch (thrown) {
    if (!(thrown instanceof Broken)) throw thrown
    return done(thrown.message)
  }
}

function trouble(world: DatabaseWorld, plan: Plan, random: Random, tell?: Tell): void {
  const { epoch } = world.record
  let [last, held, waited] = [world.witness.acknowledged, 0, 0]
  for (let step = 0; step < plan.steps; step += 1) {
    if (plan.faults.length > 0 && random.next() < plan.rate) {
      const [name, fault] = plan.faults[below(random, plan.faults.length)] ?? []
      fault?.(world, random)
      tell?.(`${name}: ${sketchOf(world)}`)
    }
    world.step()
    if (!plan.isQuiet) continue
    if (world.record.epoch !== epoch) throw new Broken('a healthy primary was replaced')
    const { acknowledged } = world.witness
    // Those whose turn it is to acknowledge may be behind: then they catch up.
    const holds = heldByOthers(world)
    waited = acknowledged > last || holds > held ? 0 : waited + 1
    last = acknowledged
    held = holds
    if (waited > waitsMost) throw new Broken('a healthy primary acknowledges nothing')
  }
}

/** Up to where those that acknowledge have all that the primary has. */
function heldByOthers(world: DatabaseWorld): number {
  const name = leadOf(world.record)
  const primary = name === undefined ? undefined : world.node(name)
  return primary?.acks === undefined ? 0 : heldTo(primary, primary.acks, world)
}

/** One of more than two may never come back. */
const choose = (world: DatabaseWorld, random: Random): Node | undefined =>
  world.wish.members.length > 2 ? world.nodes[below(random, world.nodes.length)] : undefined

/** Everything comes back, but for the one machine that never does. */
function heal(world: DatabaseWorld, lost: Node | undefined): void {
  mend(world)
  world.calm()
  world.staleView = undefined
  world.undecided = false
  world.paused = false
  world.request = undefined
  world.wish = { ...world.wish, failover: 'auto', onDivergence: 'quarantine' }
  for (const node of world.nodes) {
    rise(node)
    node.unled = false
    node.hung = false
    node.guardFrozen = false
    node.diskFull = false
  }
  lost?.losePower()
}

/** Rules that wait for a machine, which may be the only one that has what was acknowledged. */
const waiting = new Set(['hold-for-members', 'cannot-replace', 'wait-for-all'])

/**
 * So does what is restored, unless the machine that is lost is the one that it lies on; and where
 * none is lost the data that are waited for may be those that it took the place of.
 */
function isHeldUp({ lastRule, record, rules }: DatabaseWorld, lost: Node | undefined): boolean {
  const { phase } = record
  if (lost === undefined) return lastRule === 'hold-for-members' && rules.has('restore')
  const restore = phase.kind === 'electing' ? phase.restore : undefined
  return waiting.has(lastRule) || (lastRule === 'stop-for-restore' && restore?.member !== lost.name)
}

function recover(world: DatabaseWorld, lost: Node | undefined): void {
  const holds = lost === undefined ? soonSteady : steady
  const well = (): boolean => isWell(world, lost)
  const isHeld = (): boolean => isHeldUp(world, lost)
  until(world, healing, holds, () => well() || isHeld())
  if (!well()) {
    // It has to be waited for, unless somebody takes responsibility for what it may have had, and
    // there is anything to go on with.
    stay(world, 3 * rest, () => well() || isHeld())
    if (world.nodes.every((node) => node === lost || !node.hasData || node.isWreck)) return
    world.request = { kind: 'accept-data-loss', epoch: world.record.epoch }
    until(world, healing, holds, well)
    world.request = undefined
  }
  const { epoch } = world.record
  stay(world, rest, () => well() && world.record.epoch === epoch)
  const { phase } = world.record
  if (phase.kind !== 'serving') return
  const primary = world.node(phase.primary)
  world.witness.check(primary)
  for (const node of world.nodes) {
    if (node.streams && !node.log.isPartOf(primary.log)) {
      throw new Broken(`${node.name} has not what ${primary.name} has`)
    }
  }
}

/** Until it is so for `holds` steps on end. */
function until(world: DatabaseWorld, steps: number, holds: number, isSo: () => boolean): void {
  let held = 0
  for (let step = 0; step < steps; step += 1) {
    held = isSo() ? held + 1 : 0
    if (held >= holds) return
    world.step()
  }
  throw new Broken(`not well after ${steps} steps of peace: ${stateOf(world)}`)
}

function stay(world: DatabaseWorld, steps: number, isSo: () => boolean): void {
  for (let step = 0; step < steps; step += 1) {
    world.step()
    if (!isSo()) throw new Broken(`well, and then not: ${stateOf(world)}`)
  }
}

/** The primary serves, every member follows it, and nothing is left to be done. */
export function isWell(world: DatabaseWorld, lost: Node | undefined): boolean {
  const { phase, acks } = world.record
  const { members } = world.wish
  // No server is started anew on purpose while another member is missing.
  const isWaiting = world.lastRule === 'restart-waits' && members.includes(lost?.name ?? '')
  const isAtRest = world.lastRule === 'steady' || isWaiting
  if (phase.kind !== 'serving' || !isAtRest || acks.length > 1) return false
  if (!members.includes(phase.primary)) return false
  const primary = world.node(phase.primary)
  if (!primary.runs || !primary.writable) return false
  for (const node of world.nodes) {
    if (node === primary || node === lost || !members.includes(node.name)) continue
    if (!node.streams || node.source !== primary || node.diverged || node.forgot) return false
  }
  return true
}

const stateOf = (world: DatabaseWorld): string =>
  JSON.stringify({
    rule: world.lastRule,
    wish: world.wish.members,
    epoch: world.record.epoch,
    phase: world.record.phase,
    acks: world.record.acks,
    members: world.nodes.map((node) => ({
      ...node.sighting(world.now),
      log: node.log.length,
      version: node.orderVersion,
      up: node.machineUp,
    })),
  })
