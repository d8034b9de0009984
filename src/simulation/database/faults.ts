// What goes wrong in a life of a replicated database, and what operators do meanwhile.

import { below, type Random } from '../../foundation/random.ts'
import type { Node } from './node.ts'
import type { DatabaseWorld } from './world.ts'

/** One kind of trouble. */
export type Fault = (world: DatabaseWorld, random: Random) => void

const pick = (world: DatabaseWorld, random: Random): Node =>
  world.nodes[below(random, world.nodes.length)] as Node

/** Happens to any member. */
const toOne =
  (change: (node: Node, world: DatabaseWorld) => void): Fault =>
  (world, random) =>
    change(pick(world, random), world)

/** A server's process ends, and nobody had told it to. */
export function killServer(node: Node): void {
  if (node.sabotage.restartsByItself && node.server === 'primary') {
    node.life += 1
    node.visible = node.log.length
  } else node.stop()
}

export function freezeServer(node: Node): void {
  if (node.server !== 'none' && node.machineUp) node.hung = true
}

export function killKeeper(node: Node): void {
  node.keeper = 'down'
  node.inbox = []
  node.endWork(false)
  if (node.sabotage.promisesInMemory) node.forgetOrders()
}

export function freezeKeeper(node: Node): void {
  if (node.keeper === 'up') node.keeper = 'frozen'
}

/** The machine is there again, and somebody starts its keeper; nothing else starts by itself. */
export function rise(node: Node): void {
  node.machineUp = true
  node.keeper = 'up'
}

export function cutOff(world: DatabaseWorld, node: Node): void {
  for (const other of world.nodes) {
    world.cut(node, other)
    world.cut(other, node)
  }
  node.cutOff = true
}

/** All links are there again. */
export function mend(world: DatabaseWorld): void {
  world.cuts.fill(0)
  for (const node of world.nodes) node.cutOff = false
}

/** An operator asks that these servers be started anew. */
export function askRestart(world: DatabaseWorld, nodes: readonly Node[]): void {
  const id = String(world.now)
  for (const node of nodes) node.restart = { id, life: node.life }
  world.request = { kind: 'restart', members: nodes.map(({ name }) => name), id }
}

/** What concerns the coordinator and the keepers only: no client should notice. */
export const quietFaults: Readonly<Record<string, Fault>> = {
  'keeper killed': toOne(killKeeper),
  'keeper frozen': toOne(freezeKeeper),
  'keeper back': toOne((node) => {
    node.keeper = 'up'
  }),
  'coordinator out of reach': toOne((node) => {
    node.unled = true
  }),
  'coordinator reached again': toOne((node) => {
    node.unled = false
  }),
  'nobody hears the coordinator': (world) => {
    for (const node of world.nodes) node.unled = true
    world.undecided = true
  },
  'everybody hears the coordinator': (world) => {
    for (const node of world.nodes) node.unled = false
    world.undecided = false
  },
  'a decider is stopped': (world) => {
    world.undecided = true
  },
  'a decider goes on': (world) => {
    world.undecided = false
  },
  'another decider with an old view': (world) => {
    world.staleView = world.snapshot()
  },
  'the old view is gone': (world) => {
    world.staleView = undefined
  },
}

/** Every other kind of fault, and its end. */
export const loudFaults: Readonly<Record<string, Fault>> = {
  'server killed': toOne(killServer),
  'server frozen': toOne(freezeServer),
  'server goes on': toOne((node) => {
    node.hung = false
  }),
  'power lost': toOne((node) => node.losePower()),
  'power lost everywhere': (world, random) => {
    if (below(random, 3) > 0) return
    for (const node of world.nodes) node.losePower()
  },
  'machine back': toOne(rise),
  'machine back too': toOne(rise),
  'cut one way': (world, random) => world.cut(pick(world, random), pick(world, random)),
  'cut both ways': (world, random) => {
    const [one, two] = [pick(world, random), pick(world, random)]
    world.cut(one, two)
    world.cut(two, one)
  },
  'cut off': toOne((node, world) => cutOff(world, node)),
  mended: mend,
  'disk full': toOne((node) => {
    node.diskFull = true
  }),
  'disk has room': toOne((node) => {
    node.diskFull = false
  }),
}

/** What no server can be guarded from that waits for nobody's acknowledgement. */
export const guardFaults: Readonly<Record<string, Fault>> = {
  'guard frozen': toOne((node) => {
    node.guardFrozen = true
  }),
  'guard goes on': toOne((node) => {
    node.guardFrozen = false
  }),
}

/** What operators ask for, and change in the file. */
export const operatorDeeds: Readonly<Record<string, Fault>> = {
  switchover: (world, random) => {
    world.request = { kind: 'switchover', to: pick(world, random).name }
  },
  reinit: (world, random) => {
    const id = String(world.now)
    world.request = { kind: 'reinit', member: pick(world, random).name, id }
  },
  acknowledge: (world) => {
    world.request = { kind: 'acknowledge' }
  },
  'approve a failover': (world) => {
    world.request = { kind: 'approve-failover', epoch: world.record.epoch }
  },
  'ask nothing': (world) => {
    world.request = undefined
  },
  pause: (world) => {
    world.paused = true
  },
  resume: (world) => {
    world.paused = false
  },
  'decide by itself': (world, random) => {
    const failover = (['auto', 'ask', 'observe'] as const)[below(random, 3)] ?? 'auto'
    world.wish = { ...world.wish, failover }
  },
  'add or remove a member': toOne(({ name }, world) => {
    const { wish } = world
    const has = wish.members.includes(name)
    if (has && wish.members.length < 3) return
    const members = has ? wish.members.filter((each) => each !== name) : [...wish.members, name]
    world.wish = { ...wish, members: members.toSorted() }
  }),
}

/** What has servers started anew, one after another. */
export const restartDeeds: Readonly<Record<string, Fault>> = {
  restart: (world, random) => {
    const all = below(random, 2) === 0
    askRestart(world, all ? world.nodes : [pick(world, random)])
  },
  'settings changed': (world) => {
    for (const node of world.nodes) node.outdated = node.life
  },
}

/** What was restored for a member takes the place of all that there is; or not, after all. */
export const restoreDeeds: Readonly<Record<string, Fault>> = {
  restore: (world, random) => {
    const { members } = world.wish
    const member = members[below(random, members.length)]
    if (member !== undefined) world.request = { kind: 'restore', member, id: String(world.now) }
  },
  'nothing is restored': (world) => {
    if (world.request?.kind === 'restore') world.request = undefined
  },
}

/** What is decided by whoever was not there a moment ago. */
export const listeningFaults: Readonly<Record<string, Fault>> = {
  'whoever decides starts anew': (world) => world.listenAnew(),
}

/** What changes what is promised. */
export const looseningDeeds: Readonly<Record<string, Fault>> = {
  'accept data loss': (world) => {
    world.request = { kind: 'accept-data-loss', epoch: world.record.epoch }
  },
  'durability changed': (world) => {
    const durability = world.wish.durability === 'async' ? 'quorum' : 'async'
    world.wish = { ...world.wish, durability }
  },
  'everything that was written down is lost': (world, random) => {
    if (below(random, 4) === 0) world.loseRecord()
  },
}
