// A story of a replicated database, told line by line: what is done to it, and what must follow.

import { decide } from '../../databases/decide.ts'
import { describeAction } from '../../databases/describe.ts'
import type { DatabaseObservation, DatabaseWish, RejoinWay } from '../../databases/model.ts'
import { invariant } from '../../foundation/invariant.ts'
import { seededRandom } from '../../foundation/random.ts'
import { formatDuration, type Milliseconds, ms, parseDuration } from '../../foundation/time.ts'
import { Broken } from './checks.ts'
import { mariadb, postgresql, type Sabotage } from './engine.ts'
import { isWell } from './life.ts'
import { eventOf } from './story-events.ts'
import { conditionOf, type Told } from './story-expectations.ts'
import { DatabaseWorld, type Decide, stepTime } from './world.ts'

/** What an expectation did not find, or a promise that was broken; with all that happened. */
export class StoryFailed extends Error {
  constructor(what: string, lines: readonly string[]) {
    super([what, ...lines].join('\n'))
  }
}

class NotSo extends Error {}

/** A step of a world takes this long; what is awaited without a bound, or held, so many steps. */
const patience = 150
const beginning = 400

const bounds = {
  ...{ silence: ms(1000), hung: ms(1000), lease: ms(1000) },
  ...{ ackPatience: ms(800), coolDown: ms(20_000), handOver: ms(3000) },
}

/** One story: its first line makes the world, each other does something to it or expects. */
export class DatabaseStory implements Told {
  readonly met = new Set<string>()
  readonly ways = new Map<string, RejoinWay>()
  primariesMost = 0
  unacknowledged = 0
  epochAtFirst = 0
  readonly lines: string[] = []
  readonly #seed: number
  readonly #by: Decide
  readonly #sabotage: Sabotage
  #world: DatabaseWorld | undefined
  #began = 0
  #last = ''

  /** In a control, `by` is a table of rules that lacks one, and `sabotage` what else is wrong. */
  constructor(seed: number, by: Decide = decide, sabotage: Sabotage = {}) {
    this.#seed = seed
    this.#by = by
    this.#sabotage = sabotage
  }

  get world(): DatabaseWorld {
    invariant(this.#world !== undefined, 'a story begins with `given`')
    return this.#world
  }

  /** Carries out one line. Throws `StoryFailed` if what is expected is not so. */
  tell(line: string): void {
    this.lines.push(`> ${line}`)
    try {
      this.#tell(line)
    } catch (thrown) {
      if (!(thrown instanceof Broken) && !(thrown instanceof NotSo)) throw thrown
      throw new StoryFailed(`with seed ${this.#seed}: ${thrown.message}`, this.lines)
    }
  }

  #tell(line: string): void {
    const [verb, ...words] = line.split(' ')
    const rest = words.join(' ')
    if (verb === 'given') this.#given(rest)
    else if (verb === 'for') this.#steps(lengthOf(rest), () => undefined)
    else if (verb === 'until') this.#within(rest, patience)
    else if (verb === 'expect') this.#expect(rest)
    else eventOf(line)(this.world)
  }

  #given(text: string): void {
    const [first = '', ...options] = text.split(', ')
    const [engine, ...members] = first.split(' ')
    invariant(engine === 'postgresql' || engine === 'mariadb', `${engine} is an engine`)
    const random = seededRandom(this.#seed, 'story')
    const kind = engine === 'mariadb' ? mariadb : postgresql
    const isNew = options.includes('new')
    const has = (option: string): boolean => options.includes(option)
    const wish: DatabaseWish = {
      ...{ name: 'orders', members, bounds, ackMost: kind.ackMost },
      durability: has('async') ? 'async' : 'quorum',
      failover: 'auto',
      onDivergence: has('hold') ? 'hold' : 'quarantine',
    }
    const spare =
      options
        .find((each) => each.startsWith('spare '))
        ?.split(' ')
        .slice(1) ?? []
    const names = [...members, ...spare]
    const world = new DatabaseWorld({
      ...{ wish, names, engine: kind, random, sabotage: this.#sabotage },
      decide: (seen) => this.#decide(seen),
    })
    this.#world = world
    world.isCalm = !has('rough')
    world.onDecision = ({ rule, why, actions }) => {
      this.#note(`${rule} (${why})`)
      for (const action of actions) this.#note(`  ${describeAction(action)}`)
    }
    if (!isNew) this.#begin(members[0] ?? '')
    const failover = options.find((each) => each === 'ask' || each === 'observe') ?? 'auto'
    world.wish = { ...wish, failover: failover as DatabaseWish['failover'] }
    this.lines.splice(1)
    world.witness.given = 0
    this.ways.clear()
    this.epochAtFirst = world.record.epoch
    this.#began = world.now
    this.#watch()
  }

  /** The rules decide; how members come back is remembered. */
  #decide(seen: DatabaseObservation): ReturnType<Decide> {
    const decision = this.#by(seen)
    for (const action of decision.actions) {
      if (action.kind === 'follow') this.ways.set(action.member, action.way)
    }
    return decision
  }

  /** All is well, the first member is primary, and no failover is remembered. */
  #begin(first: string): void {
    const { world } = this
    for (let step = 0; step < beginning; step += 1) {
      const { phase, lastFailover } = world.record
      const isFirst = phase.kind === 'serving' && phase.primary === first
      if (isFirst && lastFailover === undefined && isWell(world, undefined)) {
        world.request = undefined
        return
      }
      if (phase.kind === 'serving') {
        world.request = isFirst ? { kind: 'acknowledge' } : { kind: 'switchover', to: first }
      }
      world.step()
    }
    throw new NotSo('it never began')
  }

  /** `CONDITION`, `CONDITION within 3s`, or `CONDITION for 3s`. */
  #expect(text: string): void {
    const [, what = text, how, length = ''] = /^(.*) (within|for) (\S+)$/.exec(text) ?? []
    if (how === 'within') {
      this.#within(what, lengthOf(length) / stepTime)
      return
    }
    const find = conditionOf(what)
    const check = (): void => {
      const instead = find(this)
      if (instead !== undefined) throw new NotSo(`${what}: ${instead}`)
    }
    check()
    if (how === 'for') this.#steps(lengthOf(length), check)
  }

  #within(what: string, steps: number): void {
    const find = conditionOf(what)
    for (let step = 0; find(this) !== undefined; step += 1) {
      if (step >= steps) {
        const bound = formatDuration(ms(steps * stepTime))
        throw new NotSo(`${what}, not within ${bound}: ${find(this)}`)
      }
      this.#step()
    }
  }

  #steps(length: Milliseconds, after: () => void): void {
    for (let step = 0; step < length / stepTime; step += 1) {
      this.#step()
      after()
    }
  }

  #step(): void {
    const { acknowledged } = this.world.witness
    this.world.step()
    const isSilent = this.world.witness.acknowledged === acknowledged
    this.unacknowledged = isSilent ? this.unacknowledged + 1 : 0
    this.#watch()
  }

  /** Notes what has changed, and forgets a planned move that has been made. */
  #watch(): void {
    const { world } = this
    const { request, record, nodes } = world
    this.met.add(world.lastRule)
    const writable = nodes.filter((node) => node.runs && node.server === 'primary' && node.writable)
    this.primariesMost = Math.max(this.primariesMost, writable.length)
    const state = nodes.map((node) => {
      const source = node.streams ? ` of ${node.source?.name}` : ''
      const ails = [!node.machineUp && 'off', node.hung && 'hung', node.diverged && 'diverged']
      return [node.name, node.server + source, ...ails.filter(Boolean)].join(' ')
    })
    this.#note(`${state.join(', ')}; epoch ${record.epoch}`)
    const isMade = record.phase.kind === 'serving' && request?.kind === 'switchover'
    if (isMade && record.phase.primary === request.to) world.request = undefined
  }

  /** The state is told when it changes, a rule when another decides. */
  #note(text: string): void {
    const isState = text.includes('; epoch ')
    if (isState && text === this.#last) return
    if (isState) this.#last = text
    const at = formatDuration(ms(this.world.now - this.#began)).padStart(7)
    this.lines.push(`${at}  ${text}`)
  }
}

function lengthOf(text: string): Milliseconds {
  const length = parseDuration(text)
  invariant(length !== undefined, `${text} is a length of time`)
  return length
}
