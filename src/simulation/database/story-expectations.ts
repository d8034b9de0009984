// What can be expected in a story of a database: each line's words, and what is found instead.

import { describeAcks, describePhase } from '../../databases/describe.ts'
import type { RejoinWay } from '../../databases/model.ts'
import { isWell } from './life.ts'
import { memberOf } from './story-events.ts'
import type { DatabaseWorld } from './world.ts'

/** What a story remembers beside its world. */
export interface Told {
  readonly world: DatabaseWorld
  /** Rules that decided since all was well. */
  readonly met: ReadonlySet<string>
  /** How each member was last told to follow since then. */
  readonly ways: ReadonlyMap<string, RejoinWay>
  /** The most servers that took writes at one moment since then. */
  readonly primariesMost: number
  /** For so many steps no client has heard that its write is safe. */
  readonly unacknowledged: number
  readonly epochAtFirst: number
}

/** `undefined`: it is so. Otherwise what is there instead. */
type Find = (told: Told, ...words: string[]) => string | undefined

/** Longer than a calm world ever takes to acknowledge a write. */
const goesOn = 15
const waits = 5

const unless = (isSo: boolean, instead: string): string | undefined => (isSo ? undefined : instead)

const serving = ({ record }: DatabaseWorld): string | undefined =>
  record.phase.kind === 'serving' ? record.phase.primary : undefined

/** Who takes writes at this moment, whatever is written down. */
const writable = ({ nodes }: DatabaseWorld): readonly string[] =>
  nodes.filter((e) => e.runs && e.server === 'primary' && e.writable).map(({ name }) => name)

const isPrimary: Find = ({ world }, name = '') =>
  unless(
    serving(world) === name &&
      writable(world).includes(name) &&
      world.node(name).epoch === world.record.epoch,
    `${describePhase(world.record.phase)}; ${writable(world).join(' and ') || 'nobody'} writes`,
  )

const follows: Find = ({ world }, name = '', primary = '') => {
  const { streams, source, diverged, server } = world.node(name)
  const isSo = streams && source === memberOf(world, primary) && !diverged
  return unless(isSo, `it is ${server}${streams ? `, of ${source?.name}` : ', of nobody'}`)
}

/** What the primary has is held against what clients were told. */
function nothingLost({ world }: Told): string | undefined {
  const name = serving(world)
  if (name === undefined) return describePhase(world.record.phase)
  world.witness.check(world.node(name))
  return unless(world.witness.given === 0, `${world.witness.given} writes were given up`)
}

const set = ({ world }: Told): string => {
  const last = world.record.acks.at(-1)
  return last === undefined ? 'nobody' : describeAcks(last)
}

const expectations: Readonly<Record<string, Find>> = {
  'all is well': ({ world }) => unless(isWell(world, undefined), world.lastRule),
  'all is well without *': ({ world }, name = '') =>
    unless(isWell(world, world.node(name)), world.lastRule),
  'nobody is primary': ({ world }) =>
    unless(writable(world).length === 0, `${writable(world).join(' and ')} takes writes`),
  'somebody is primary': (told) =>
    isPrimary(told, serving(told.world) ?? told.world.nodes[0]?.name ?? ''),
  '* is replaced': (told, name = '') => {
    const primary = serving(told.world)
    return primary === name ? 'it is not' : isPrimary(told, primary ?? name)
  },
  // Words that the next could match as well come before it.
  '* is primary': isPrimary,
  '* takes no writes': ({ world }, name = '') =>
    unless(!writable(world).includes(name), 'it takes writes'),
  'never two primaries': ({ primariesMost }) =>
    unless(primariesMost < 2, `${primariesMost} took writes at one moment`),
  '* follows nobody': ({ world }, name = '') =>
    unless(!world.node(name).streams, `it follows ${world.node(name).source?.name}`),
  '* follows *': follows,
  '* was rewound': ({ ways }, name = '') =>
    unless(ways.get(name) === 'rewind', `${ways.get(name)}`),
  '* was cloned': ({ ways }, name = '') => unless(ways.get(name) === 'clone', `${ways.get(name)}`),
  '* only resumed': ({ ways }, name = '') =>
    unless(ways.get(name) === 'follow', `${ways.get(name)}`),
  '* was left alone': ({ ways }, name = '') => unless(!ways.has(name), `${ways.get(name)}`),
  '* was restarted': ({ world }, name = '') => {
    const { restart, life } = world.node(name)
    return unless(restart !== undefined && restart.life !== life, 'it runs as it did')
  },
  '* was not restarted': ({ world }, name = '') => {
    const { restart, life } = world.node(name)
    return unless(restart === undefined || restart.life === life, 'it was')
  },
  '* has the settings of now': ({ world }, name = '') => {
    const { outdated, life } = world.node(name)
    return unless(outdated !== undefined && outdated !== life, 'it runs as it did')
  },
  'rule * was met': ({ met }, id = '') => unless(met.has(id), [...met].join(', ')),
  'rule * was never met': ({ met }, id = '') => unless(!met.has(id), 'it was'),
  'rule *': ({ world }, id = '') => unless(world.lastRule === id, `rule ${world.lastRule}`),
  'nothing is lost': nothingLost,
  'writes were given up': ({ world }) => unless(world.witness.given > 0, 'none was'),
  'writes go on': ({ unacknowledged }) =>
    unless(unacknowledged < goesOn, `none was acknowledged for ${unacknowledged} steps`),
  'writes wait': ({ unacknowledged }) =>
    unless(unacknowledged >= waits, `one was acknowledged ${unacknowledged} steps ago`),
  'epoch has risen': ({ world, epochAtFirst }) => unless(world.record.epoch > epochAtFirst, 'no'),
  'epoch is the same': ({ world, epochAtFirst }) =>
    unless(world.record.epoch === epochAtFirst, `it rose from ${epochAtFirst}`),
  'writes need nobody': (told) => unless(set(told) === 'nobody', set(told)),
  'writes need any * of *': (told, needed, who) =>
    unless(set(told) === `any ${needed} of ${who}`, set(told)),
  'the last proof names *': ({ world: { record } }, who = '') => {
    const names = Object.keys(record.proofs[0]?.confirmed ?? {}).toSorted()
    return unless(names.join(', ') === who, `it names ${names.join(', ') || 'nobody'}`)
  },
  'the last proof accepts loss': ({ world: { record } }) =>
    unless(record.proofs[0]?.acceptedLoss === true, 'it does not'),
  'the last proof says *': ({ world: { record } }, why) =>
    unless(record.proofs[0]?.why === why, `it says ${record.proofs[0]?.why}`),
}

const patterns = Object.entries(expectations).map(
  ([text, find]) => [new RegExp(`^${text.replaceAll('*', '([\\w, -]+?)')}$`), find] as const,
)

/** What a line expects; found out whenever it is asked. Throws if nothing has such words. */
export function conditionOf(text: string): (told: Told) => string | undefined {
  for (const [pattern, find] of patterns) {
    const found = pattern.exec(text)
    if (found !== null) return (told) => find(told, ...found.slice(1))
  }
  const known = Object.keys(expectations).join(', ')
  throw new Error(`nothing can be expected as: ${text}; there are: ${known}`)
}
