// One short life of a replicated database, from its seed: faults, and then peace.

import type { DatabaseWish } from '../../databases/model.ts'
import { below, type Random, seededRandom } from '../../foundation/random.ts'
import { ms } from '../../foundation/time.ts'
import type { Node, Sabotage } from './node.ts'
import { Broken, DatabaseWorld, type Decide } from './world.ts'

/** Steps with faults, and the most steps that healing may take. */
const troubled = 120
const healing = 300

/** What is handed to a life. */
export interface LifeParts {
  readonly seed: number
  readonly sabotage?: Sabotage
  readonly decide?: Decide
  readonly durability?: 'quorum' | 'async'
}

/** What became of a life. */
export interface Lived {
  readonly seed: number
  readonly acknowledged: number
  readonly epochs: number
  readonly rules: ReadonlyMap<string, number>
  /** The promise that did not hold, if one did not. */
  readonly broken: string | undefined
}

const bounds = {
  silence: ms(500),
  hung: ms(600),
  lease: ms(1500),
  ackPatience: ms(700),
  coolDown: ms(2000),
  handOver: ms(3000),
}

function wishOf(random: Random, durability: 'quorum' | 'async'): DatabaseWish {
  const members = ['a', 'b', 'c', 'd', 'e'].slice(0, 2 + below(random, 4))
  return { name: 'orders', members, durability, failover: 'auto', bounds }
}

/** Lives one life. The same seed lives the same life. */
export function liveDatabase(parts: LifeParts): Lived {
  const { seed, durability = 'quorum', ...rest } = parts
  const random = seededRandom(seed, 'database')
  const world = new DatabaseWorld({ wish: wishOf(random, durability), random, ...rest })
  const done = (broken: string | undefined): Lived => ({
    seed,
    acknowledged: world.acknowledged.length,
    epochs: world.record.epoch,
    rules: world.rules,
    broken,
  })
  try {
    const rate = 0.02 + random.next() * 0.2
    for (let step = 0; step < troubled; step += 1) {
      if (step > 15 && random.next() < rate) fault(world, random)
      world.step()
    }
    const lost = random.next() < 0.4 && world.nodes.length > 2 ? pick(world, random) : undefined
    heal(world, lost)
    for (let step = 0; step < healing; step += 1) {
      world.step()
      if (isWell(world, lost)) return done(undefined)
    }
    // It may be the only one that has what was acknowledged: then it has to be waited for.
    if (lost !== undefined && world.lastRule === 'hold-for-members') return done(undefined)
    return done(`not well after ${healing} steps of peace: ${stateOf(world)}`)
  } catch (thrown) {
    if (!(thrown instanceof Broken)) throw thrown
    return done(thrown.message)
  }
}

const pick = (world: DatabaseWorld, random: Random): Node =>
  world.nodes[below(random, world.nodes.length)] as Node

const change =
  (state: Partial<Pick<Node, 'keeperUp' | 'unled' | 'hung'>>) =>
  (world: DatabaseWorld, random: Random): void => {
    Object.assign(pick(world, random), state)
  }

const cut = (world: DatabaseWorld, random: Random, bothWays: boolean): void => {
  const [one, two] = [pick(world, random).name, pick(world, random).name]
  world.cuts.add(`${one}>${two}`)
  if (bothWays) world.cuts.add(`${two}>${one}`)
}

/** Every kind of fault, and its end: each as likely as the next. */
const faults: readonly ((world: DatabaseWorld, random: Random) => void)[] = [
  (world, random) => pick(world, random).stop(),
  (world, random) => crash(pick(world, random)),
  change({ keeperUp: false }),
  (world, random) => {
    const node = pick(world, random)
    if (node.runs) node.hung = true
  },
  change({ hung: false }),
  change({ unled: true }),
  change({ unled: false }),
  (world, random) => cut(world, random, false),
  (world, random) => cut(world, random, true),
  (world) => world.cuts.clear(),
  (world, random) => rise(pick(world, random)),
  (world, random) => rise(pick(world, random)),
  (world) => {
    world.staleView = world.snapshot()
  },
  (world) => {
    world.staleView = undefined
  },
  (world, random) => {
    world.request = { kind: 'switchover', to: pick(world, random).name }
  },
  (world) => {
    world.request = undefined
  },
]

function fault(world: DatabaseWorld, random: Random): void {
  faults[below(random, faults.length)]?.(world, random)
}

function crash(node: Node): void {
  node.stop()
  node.machineUp = false
}

function rise(node: Node): void {
  node.machineUp = true
  node.keeperUp = true
}

/** Everything comes back, but for the one machine that never does. */
function heal(world: DatabaseWorld, lost: Node | undefined): void {
  world.cuts.clear()
  world.staleView = undefined
  world.request = undefined
  for (const node of world.nodes) {
    rise(node)
    node.unled = false
    node.hung = false
  }
  if (lost !== undefined) crash(lost)
}

/** The primary serves, every member follows it, and all have the same. */
function isWell(world: DatabaseWorld, lost: Node | undefined): boolean {
  const { phase } = world.record
  if (phase.kind !== 'serving') return false
  const primary = world.node(phase.primary)
  if (!primary.runs || !primary.writable) return false
  const others = world.nodes.filter((node) => node !== primary && node !== lost)
  return others.every((node) => node.streams && node.source === primary && !node.diverged)
}

const stateOf = (world: DatabaseWorld): string =>
  JSON.stringify({
    epoch: world.record.epoch,
    phase: world.record.phase,
    acks: world.record.acks,
    members: world.nodes.map((node) => ({
      ...node.sighting(world.now),
      log: node.log.length,
      version: node.version,
    })),
  })
