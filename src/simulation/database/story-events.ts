// What can happen in a story of a database: each line's words, and what they do to the world.

import { leadOf } from '../../databases/facts.ts'
import type { DatabaseWish, Durability, FailoverMode } from '../../databases/model.ts'
import {
  askRestart,
  cutOff,
  freezeKeeper,
  freezeServer,
  killKeeper,
  killServer,
  mend,
  rise,
} from './faults.ts'
import type { Node } from './node.ts'
import type { DatabaseWorld } from './world.ts'

type Event = (world: DatabaseWorld, ...words: string[]) => void

/** The member of that name; `primary` is whoever the record names. */
export function memberOf(world: DatabaseWorld, name: string): Node {
  const lead = name === 'primary' ? leadOf(world.record) : undefined
  return world.node(lead ?? name)
}

/** Happens to the member that the line names. */
const to =
  (change: (node: Node, world: DatabaseWorld) => void): Event =>
  (world, name = '') =>
    change(memberOf(world, name), world)

const hearing =
  (isLost: boolean): Event =>
  (world) => {
    for (const node of world.nodes) node.unled = isLost
    world.undecided = isLost
  }

const wish =
  (change: (text: string, wish: DatabaseWish) => Partial<DatabaseWish>): Event =>
  (world, text = '') => {
    world.wish = { ...world.wish, ...change(text, world.wish) }
  }

/** A line, with `*` where it names something; the names are handed to the event. */
const events: Readonly<Record<string, Event>> = {
  'server of * dies': to(killServer),
  'server of * hangs': to(freezeServer),
  'server of * wakes': to((node) => {
    node.hung = false
  }),
  'machine of * loses power': to((node) => node.losePower()),
  'machine of * is back': to(rise),
  'every machine loses power': (world) => {
    for (const node of world.nodes) node.losePower()
  },
  'every machine is back': (world) => world.nodes.forEach(rise),
  'keeper of * dies': to(killKeeper),
  'keeper of * hangs': to(freezeKeeper),
  'keeper of * is back': to((node) => {
    node.keeper = 'up'
  }),
  'guard of * hangs': to((node) => {
    node.guardFrozen = true
  }),
  'guard of * wakes': to((node) => {
    node.guardFrozen = false
  }),
  'disk of * is full': to((node) => {
    node.diskFull = true
  }),
  'disk of * has room': to((node) => {
    node.diskFull = false
  }),
  // All links of a machine, to members and coordinator; or the one between two members.
  '* is cut off': to((node, world) => cutOff(world, node)),
  '* and * are cut from each other': (world, one = '', two = '') => {
    world.cut(world.node(one), world.node(two))
    world.cut(world.node(two), world.node(one))
  },
  'nothing goes from * to *': (world, from = '', where = '') =>
    world.cut(world.node(from), world.node(where)),
  'links are mended': mend,
  '* loses the coordinator': to((node) => {
    node.unled = true
  }),
  '* reaches the coordinator': to((node) => {
    node.unled = false
  }),
  'coordinator is lost': hearing(true),
  'coordinator is back': hearing(false),
  'coordinator forgets everything': (world) => world.loseRecord(),
  // Decisions of one that leads no more, by what it knew when it stopped.
  'whoever decides starts anew': (world) => world.listenAnew(),
  'a past leader goes on deciding': (world) => {
    world.staleView = world.snapshot()
  },
  'the past leader is gone': (world) => {
    world.staleView = undefined
  },
  'switchover to *': (world, name = '') => {
    world.request = { kind: 'switchover', to: name }
  },
  'accept loss': (world) => {
    world.request = { kind: 'accept-data-loss', epoch: world.record.epoch }
  },
  approve: (world) => {
    world.request = { kind: 'approve-failover', epoch: world.record.epoch }
  },
  'reinit *': (world, member = '') => {
    world.request = { kind: 'reinit', member, id: String(world.now) }
  },
  'restore *': (world, member = '') => {
    world.request = { kind: 'restore', member, id: String(world.now) }
  },
  'restart *': (world, name = '') =>
    askRestart(world, name === 'all' ? world.nodes : [world.node(name)]),
  'settings change': (world) => {
    for (const node of world.nodes) node.outdated = node.life
  },
  acknowledge: (world) => {
    world.request = { kind: 'acknowledge' }
  },
  withdraw: (world) => {
    world.request = undefined
  },
  pause: (world) => {
    world.paused = true
  },
  resume: (world) => {
    world.paused = false
  },
  'add *': wish((name, { members }) => ({ members: [...members, name] })),
  'remove *': wish((name, { members }) => ({ members: members.filter((each) => each !== name) })),
  'durability *': wish((text) => ({ durability: text as Durability })),
  'failover *': wish((text) => ({ failover: text as FailoverMode })),
}

const patterns = Object.entries(events).map(
  ([text, event]) => [new RegExp(`^${text.replaceAll('*', '(\\w+)')}$`), event] as const,
)

/** What a line of a story does. Throws if no event has such words. */
export function eventOf(line: string): (world: DatabaseWorld) => void {
  for (const [pattern, event] of patterns) {
    const found = pattern.exec(line)
    if (found !== null) return (world) => event(world, ...found.slice(1))
  }
  throw new Error(`no such event: ${line}; there are: ${Object.keys(events).join(', ')}`)
}
