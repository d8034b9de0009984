// The databases of one machine's agent: opens the members that run here, decides about them where
// nobody else does, and keeps in view those of the other machines.

import { untilAborted } from '../cluster/together.ts'
import type { Coordinator } from '../coordination/coordinator.ts'
import type { Leadership } from '../coordination/model.ts'
import { ensure, persevere } from '../coordination/recipes/persevere.ts'
import type { DecidingBoard, OperatorWish } from '../databases/board.ts'
import { openLocalBoard } from '../databases/boards/local.ts'
import { openSharedBoard } from '../databases/boards/shared.ts'
import { describeAction } from '../databases/describe.ts'
import type { DatabaseAccounts } from '../databases/engine.ts'
import type { MemberTls } from '../databases/member-tls.ts'
import type { DatabasePlan, DatabaseView, MemberPlan } from '../databases/model.ts'
import { accountsOf } from '../databases/passwords.ts'
import { wishOf } from '../databases/wish.ts'
import { describeError, Fault } from '../foundation/fault.ts'
import { type Milliseconds, ms, sleep } from '../foundation/time.ts'
import { keepDeciding } from './database-deciding.ts'
import { Held } from './database-held.ts'
import { Keeping } from './database-keeping.ts'
import { type Leaving, leavingOf, untilMayLeave } from './database-leaving.ts'
import type { LocalMember } from './database-member.ts'
import { type OpeningOptions, openMember } from './database-opening.ts'
import type { AgentDatabasesOptions } from './database-options.ts'
import { endStrays } from './database-strays.ts'
import { type PlannedAdoptions, planAdoptions } from './plan-adoptions.ts'

/** Between two sessions of a board that failed for a reason of its own. */
const attendAgainAfter = ms(500)
/** Where the boards of all databases stand in the cluster's own tree. */
const boardsPath = '/databases'

interface Session {
  readonly coordinator: Coordinator
  readonly signal: AbortSignal
}

/** See the first line. */
export class AgentDatabases {
  readonly #options: AgentDatabasesOptions
  /** Those that are looked after. */
  #held: ReadonlyMap<string, Held> = new Map()
  /** Those of the file that is being applied, or is in force. */
  #shown: ReadonlyMap<string, Held> = new Map()
  #session: Session | undefined
  #term: (Session & { readonly role: Leadership }) | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(options: AgentDatabasesOptions) {
    this.#options = options
    this.onRenewal(() => this.#reviewAll())
  }

  /** Servers may have to be given settings, programs or certificates of now. */
  #reviewAll(): void {
    for (const { members } of this.#held.values()) {
      for (const { keeper } of members) keeper.review()
    }
  }

  /** What this machine shows to the others; `undefined` where it is alone. */
  get certificate(): MemberTls | undefined {
    return this.#options.cluster?.keys.certificate
  }

  /** Called whenever that has become another one. */
  onRenewal(listener: () => void): void {
    this.#options.cluster?.keys.onChange(listener)
  }

  /** The password of an application: what is told to its services and to edges. */
  passwordOf(plan: DatabasePlan): string {
    return this.#accountsOf(plan).app.password
  }

  #accountsOf(plan: DatabasePlan): DatabaseAccounts {
    const { cluster, folders } = this.#options
    return accountsOf(plan, cluster?.secret ?? folders.secret())
  }

  /** What applying this would change of servers that somebody else set up; see `planAdoptions`. */
  planAdoptions(plans: readonly DatabasePlan[]): Promise<PlannedAdoptions> {
    const { folders, adopters, cluster } = this.#options
    return planAdoptions(plans, {
      ...{ folders, adopters, machine: cluster?.machine },
      accountsOf: (plan) => this.#accountsOf(plan),
      heldOf: (name) => this.#held.get(name),
    })
  }

  /** Whether its servers still run as somebody else has set them up. */
  isForeign(name: string): boolean {
    const held = this.#held.get(name)
    const phase = held?.board.view().record?.phase.kind ?? 'new'
    return phase === 'new' && held?.plan.members.some(({ adopt }) => adopt !== undefined) === true
  }

  /** Takes these over, now that it is known what that changes. */
  async adopt({ primaries }: PlannedAdoptions): Promise<void> {
    const { clock } = this.#options
    for (const [name, primary] of primaries) {
      // Of several machines each takes the file when it hears of it; this one, too.
      for (let tries = 0; !this.#held.has(name) && tries < 200; tries += 1) {
        await sleep(clock, ms(50))
      }
      await this.ask(name, (before) => ({ ...before, request: { kind: 'adopt', primary } }))
    }
  }

  /** What is known of each. */
  views(): readonly DatabaseView[] {
    return [...this.#shown.values()].map(({ plan, board }) => {
      const { record, members, wish, connected } = board.view()
      return { plan, record, members, connected, ...wish }
    })
  }

  /**
   * Shows these from now on, with what was decided about them before; nothing is begun or ended:
   * the file that they are of may still be refused.
   */
  plan(plans: readonly DatabasePlan[]): void {
    const known = (plan: DatabasePlan): Held | undefined => {
      const held = this.#held.get(plan.name)
      return JSON.stringify(held?.plan) === JSON.stringify(plan) ? held : undefined
    }
    this.#shown = new Map(plans.map((plan) => [plan.name, known(plan) ?? this.#hold(plan)]))
  }

  /** Rejects with a Fault where a member of this machine could not be started by these plans. */
  async check(plans: readonly DatabasePlan[]): Promise<void> {
    const { cluster, folders, programs } = this.#options
    for (const plan of plans) {
      const mine = plan.members.filter(
        ({ machine, adopt }) =>
          adopt === undefined && (machine === undefined || machine === cluster?.machine),
      )
      for (const { name } of mine) {
        const check = await programs(plan.engine)
        await check({ home: plan.home, data: folders.member(plan, name).data })
      }
    }
  }

  #hold(plan: DatabasePlan): Held {
    const { clock, folders, cluster, changed, event } = this.#options
    const shared = cluster && openSharedBoard(`${boardsPath}/${plan.name}`, clock)
    const board = shared ?? openLocalBoard(folders.record(plan.name), clock)
    const keeping = new Keeping({
      ...{ plan, board, folders, clock, changed, machine: cluster?.machine, tls: this.certificate },
      secret: () => cluster?.secret ?? folders.secret(),
      event: (rule, why, seen) => event(rule, plan.name, why, [], seen),
      databases: () => [...this.#held.keys()],
    })
    return new Held(plan, board, shared, keeping)
  }

  /** Looks after those that are planned, and after no others; what left the file is ended. */
  apply(): Promise<void> {
    const turn = this.#turn.then(() => this.#apply(this.#shown))
    // One that fails keeps nobody from the next, or from the end.
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #apply(shown: ReadonlyMap<string, Held>): Promise<void> {
    const before = this.#held
    const next = new Map(shown)
    for (const [name, held] of before) {
      const planned = shown.get(name)
      if (planned === held) continue
      // However that ends: it is let go, and begun anew where it is planned again.
      this.#held = new Map([...this.#held].filter(([, each]) => each !== held))
      if (planned === undefined) await held.end(endWithin)
      else {
        await held[Symbol.asyncDispose]()
        // What was decided since it was planned is read by another one.
        const again = this.#hold(planned.plan)
        again.leaving = leavingOf(held.plan, again.plan, held.leaving)
        next.set(name, again)
      }
    }
    this.#shown = next
    await endStrays([...next.values()], this.#isMine, this.#options)
    // Not before: whoever is held is opened, once, also where a session begins meanwhile.
    this.#held = next
    for (const [name, held] of next) {
      if (before.get(name) !== held) this.#open(held)
      // Another version may have been installed in the place of theirs.
      else for (const { keeper } of held.members) keeper.review()
    }
  }

  readonly #isMine = ({ machine }: MemberPlan): boolean =>
    machine === undefined || machine === this.#options.cluster?.machine

  #open(held: Held): void {
    const { changed } = this.#options
    const { plan } = held
    held.board.onChange(changed)
    const local = held.shared === undefined ? (held.board as DecidingBoard) : undefined
    const mine = plan.members.filter(this.#isMine)
    held.running.push(...mine.map((member) => openMember(this.#opening, held, member)))
    for (const one of held.leaving) {
      if (this.#isMine(one.member)) held.running.push(this.#letGo(held, one))
    }
    held.running.push(held.keeping.run(held.stop.signal))
    if (local !== undefined) held.running.push(this.#decide(held, local, held.stop.signal))
    if (this.#session !== undefined) held.running.push(this.#attend(held, this.#session))
    if (this.#term !== undefined) held.running.push(this.#leadOne(held, this.#term))
  }

  /** Looks after one that the file does not name any more, until nobody needs what it has. */
  async #letGo(held: Held, one: Leaving): Promise<void> {
    const { name } = one.member
    const { signal } = held.stop
    await openMember(this.#opening, held, one.member, one.plan)
    try {
      await untilMayLeave(held.board, name, signal)
    } catch (thrown) {
      if (signal.aborted) return
      throw thrown
    }
    held.leaving = held.leaving.filter((each) => each !== one)
    const at = held.members.findIndex((each) => each.name === name)
    const [opened] = at < 0 ? [] : held.members.splice(at, 1)
    this.#options.event('member-left', name, 'no acknowledged write can be on it alone any more')
    try {
      await opened?.end(endWithin)
    } catch (thrown) {
      // Nobody waits for this. What still runs has no place in the next file, and is ended with it.
      this.#options.event('stray-not-ended', name, describeError(thrown))
    }
  }

  /** What members are opened with. */
  get #opening(): OpeningOptions {
    const { cluster, ...options } = this.#options
    return {
      ...options,
      leased: cluster !== undefined,
      accountsOf: (plan) => this.#accountsOf(plan),
      certificate: this.certificate,
    }
  }

  /** Decides about it until the signal is aborted. */
  #decide({ plan }: Held, board: DecidingBoard, signal: AbortSignal): Promise<void> {
    const { clock, event } = this.#options
    return keepDeciding(
      {
        ...{ board, clock, wish: () => wishOf(plan) },
        decided: ({ rule, why, actions }, { record, members }) =>
          event(rule, plan.name, why, actions.map(describeAction), { record, members }),
        event: (rule, why) => event(rule, plan.name, why),
      },
      signal,
    )
  }

  /** Keeps all boards in view while a session lives. */
  async attend(coordinator: Coordinator, signal: AbortSignal): Promise<never> {
    await persevere(() => ensure(coordinator, boardsPath, signal))
    this.#session = { coordinator, signal }
    for (const held of this.#held.values()) held.running.push(this.#attend(held, this.#session))
    try {
      return await untilAborted(signal)
    } finally {
      this.#session = undefined
    }
  }

  async #attend(held: Held, session: Session): Promise<void> {
    const signal = AbortSignal.any([session.signal, held.stop.signal])
    while (!signal.aborted) {
      try {
        await held.shared?.attend(session.coordinator, signal)
      } catch (thrown) {
        if (signal.aborted || session.coordinator.over.aborted) return
        this.#options.event('board-lost', held.plan.name, describeError(thrown))
        await sleep(this.#options.clock, attendAgainAfter, signal).catch(() => {})
      }
    }
  }

  /** Decides about all of them for a term of leadership. */
  async lead(role: Leadership, coordinator: Coordinator, signal: AbortSignal): Promise<never> {
    this.#term = { coordinator, signal, role }
    for (const held of this.#held.values()) held.running.push(this.#leadOne(held, this.#term))
    try {
      return await untilAborted(signal)
    } finally {
      this.#term = undefined
    }
  }

  async #leadOne(held: Held, term: Session & { readonly role: Leadership }): Promise<void> {
    const signal = AbortSignal.any([term.signal, held.stop.signal])
    const board = held.shared?.led(term.coordinator, term.role)
    if (board === undefined) return
    await this.#decide(held, board, signal)
  }

  /** Changes what operators ask of one database. Rejects with a Fault. */
  async ask(name: string, change: (before: OperatorWish) => OperatorWish): Promise<void> {
    await this.#find(name).board.ask(change, AbortSignal.timeout(askWithin))
  }

  /** The members of a database that run here. */
  members(name: string): readonly LocalMember[] {
    return this.#find(name).members
  }

  /** Whether it is looked after, and not only planned. */
  holds(name: string): boolean {
    return this.#held.has(name)
  }

  /** What is done for a database beside its servers: backups, restores, comparisons. */
  keeping(name: string): Keeping {
    return this.#find(name).keeping
  }

  #find(name: string): Held {
    const held = this.#held.get(name)
    if (held !== undefined) return held
    const known = [...this.#held.keys()]
    throw new Fault('not-found', `there is no database ${name}`, {
      remedy: known.length === 0 ? 'this file has none' : `it has ${known.join(', ')}`,
    })
  }

  /** Lets go of all of them; what runs runs on, for the next agent. */
  async leave(): Promise<void> {
    await this.#turn
    this.#options.cluster?.keys[Symbol.dispose]()
    await Promise.all([...this.#held.values()].map((held) => held[Symbol.asyncDispose]()))
    this.#held = new Map()
  }

  /** Ends all that runs here. */
  async end(within: Milliseconds): Promise<void> {
    await this.#turn
    this.#options.cluster?.keys[Symbol.dispose]()
    await Promise.all([...this.#held.values()].map((held) => held.end(within)))
    this.#held = new Map()
  }
}

/** For a server whose database has left the file. */
const endWithin = ms(10_000)
/** How long an operator waits for the coordinator. */
const askWithin = 10_000
