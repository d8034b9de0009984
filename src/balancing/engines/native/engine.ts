// Keeps the edges of one machine alive, tells them what to route by, and hears what they met.

import { backoff } from '../../../control/backoff.ts'
import { isAlive } from '../../../control/processes.ts'
import { firstMatch } from '../../../control/rules.ts'
import { describeError } from '../../../foundation/fault.ts'
import type { Random } from '../../../foundation/random.ts'
import { type Clock, later, type Milliseconds, ms, since, sleep } from '../../../foundation/time.ts'
import type { BalancerEngine, BalancerListener, EdgeSighting } from '../../engine.ts'
import type { Bind, EdgeSecrets, Table } from '../../model.ts'
import { bindsOf, checkDoors } from './doors.ts'
import { edgeFiles, findEdges, makeEdgeFolder, removeFiles } from './edge-files.ts'
import { EdgeLink, spawnEdge } from './edge-link.ts'
import type { EdgeMessage } from './protocol.ts'
import { Shares } from './shares.ts'
import { type SlotAction, type SlotFacts, slotRules } from './slot-rules.ts'
import { type Slot, Slots, succeed } from './slots.ts'

/** What the balancer of a machine needs. */
export interface NativeOptions {
  /** The state folder of the file. */
  readonly folder: string
  readonly clock: Clock
  readonly random: Random
  readonly version: string
  readonly listener: BalancerListener
}

const askEvery = ms(1000)
/** An edge that was asked so often in a row and said nothing is given up. */
const unansweredMost = 5
/** What is in flight on an edge that is exchanged for a newer one may take this long to end. */
const exchangeWithin = ms(60_000)
/** The first death costs nothing: its successor starts at once. */
const deaths = { first: ms(50), factor: 2, most: ms(5000), jitter: 0.2 }
/** For edges to take new secrets; one that is slower takes them all the same. */
const entrustPatience = ms(3000)
const wellAfter = ms(10_000)

/** Adopts the edges that run; nothing is started before the first table. */
export async function openNativeBalancer(options: NativeOptions): Promise<BalancerEngine> {
  return new NativeBalancer(options)
}

const isSilent = (link: EdgeLink): boolean => link.unanswered > unansweredMost

class NativeBalancer implements BalancerEngine {
  readonly name = 'native'
  readonly can = { outliveAgent: true, holdRequests: true }
  readonly #options: NativeOptions
  readonly #logPath: string
  readonly #slots = new Slots()
  #table: Table | undefined
  readonly #shares = new Shares<EdgeLink>()
  #secrets: EdgeSecrets | undefined
  #checked: readonly Bind[] = []
  #serial: number
  #timer: Disposable | undefined
  #over = false
  #askedAt = 0

  constructor(options: NativeOptions) {
    this.#options = options
    this.#logPath = makeEdgeFolder(options.folder).logPath
    // Whole, because it becomes a part of file names that are read back.
    this.#serial = Math.floor(options.clock.now())
    this.#adopt()
    this.#ask()
  }

  async apply(table: Table, edges: number): Promise<void> {
    const binds = bindsOf(table)
    if (JSON.stringify(binds) !== JSON.stringify(this.#checked)) {
      const ours = this.#slots.links.map(({ identity }) => identity.pid)
      await checkDoors(binds, ours)
      this.#checked = binds
    }
    this.#table = table
    this.#slots.want(edges)
    this.#shares.reshare(this.#slots.links, table, this.#options.clock.now())
    for (const link of this.#slots.links) this.#tell(link)
    this.#tend()
  }

  async entrust(secrets: EdgeSecrets): Promise<void> {
    const { clock } = this.#options
    this.#secrets = secrets
    const told = this.#slots.links.filter(({ understood, stopping }) => understood && !stopping)
    for (const link of told) link.entrust(secrets)
    const deadline = later(clock.now(), entrustPatience)
    const isOpen = (link: EdgeLink): boolean => link.entrusting && this.#slots.links.includes(link)
    while (told.some(isOpen) && clock.now() < deadline) await sleep(clock, ms(5))
  }

  observe(): readonly EdgeSighting[] {
    return this.#slots.links.map((link) => ({
      edge: link.edge,
      pid: link.identity.pid,
      version: link.version ?? '',
      state: link.stopping ? 'stopping' : link.routing ? 'routing' : 'starting',
      report: link.report,
    }))
  }

  async stop(within: Milliseconds): Promise<void> {
    const { clock } = this.#options
    this.#over = true
    // One that was exchanged waits for clients that rest, with more patience than there is now.
    for (const link of this.#slots.links) {
      if (link.understood || !link.stopping) link.send({ kind: 'stop', within })
    }
    const deadline = later(clock.now(), ms(within + 1000))
    while (this.#slots.links.length > 0 && clock.now() < deadline) await sleep(clock, ms(5))
    for (const link of this.#slots.links) link.kill()
    while (this.#slots.links.length > 0) await sleep(clock, ms(5))
    this.#timer?.[Symbol.dispose]()
  }

  leave(): void {
    this.#over = true
    this.#timer?.[Symbol.dispose]()
    for (const link of this.#slots.links) link.leave()
  }

  /** Takes over what an earlier agent left. */
  #adopt(): void {
    const found = findEdges(this.#options.folder)
    for (const { files, identity } of found) {
      if (identity === undefined || !isAlive(identity)) removeFiles(files)
    }
    const alive = found.flatMap(({ edge, files, identity }) =>
      identity !== undefined && isAlive(identity) ? [this.#link(edge, files, identity)] : [],
    )
    for (const link of this.#slots.adopt(alive)) this.#retire(link)
  }

  #tell(link: EdgeLink): void {
    if (this.#table === undefined || !link.understood) return
    link.send({ kind: 'table', table: this.#shares.tableFor(link, this.#table) })
    link.send({ kind: 'report' })
  }

  /** Gives the edges new shares of servers' limits, where their demand has changed. */
  #reshare(): void {
    if (this.#table === undefined) return
    const links = this.#slots.links.filter(({ understood }) => understood)
    const now = this.#options.clock.now()
    const told = this.#shares.reshare(links, this.#table, now)
    for (const link of told) this.#tell(link)
    if (told.size > 0 || !this.#shares.isWanted || now < this.#askedAt + 50) return
    this.#askedAt = now
    for (const link of links) link.send({ kind: 'report' })
  }

  #ask(): void {
    if (this.#over) return
    this.#timer = this.#options.clock.after(askEvery, () => this.#ask())
    for (const link of this.#slots.others) if (isSilent(link)) link.kill()
    for (const link of this.#slots.links) link.ask()
    this.#reshare()
    this.#tend()
  }

  #tend(): void {
    if (this.#over || this.#table === undefined) return
    for (const slot of this.#slots.all) {
      const { rule, why, actions } = firstMatch(slotRules, this.#factsOf(slot))
      for (const action of actions) {
        this.#event(rule, slot.number, why)
        this.#act(slot, action)
      }
    }
  }

  #factsOf(slot: Slot): SlotFacts {
    const now = this.#options.clock.now()
    const { current, successor } = slot
    const outdated =
      current !== undefined &&
      current.version !== undefined &&
      (current.version !== this.#options.version || !current.understood)
    return {
      wanted: slot.wanted,
      alive: current !== undefined,
      silent: current !== undefined && isSilent(current),
      outdated: outdated && now >= slot.replaceNotBefore,
      replacing: successor !== undefined,
      stopping: current?.stopping ?? false,
      waits: current?.waits ?? false,
      successorGreeted: successor?.greeted ?? false,
      successorListens: successor?.listens ?? false,
      handingOver: current?.handingOver ?? false,
      othersReplacing: this.#slots.all.some((other) => other.successor !== undefined),
      backingOff: now < slot.notBefore,
      firstIsComing: this.#firstIsComing(),
    }
  }

  #firstIsComing(): boolean {
    const links = this.#slots.links.filter(({ stopping }) => !stopping)
    return links.length > 0 && links.every(({ routing }) => !routing)
  }

  #act(slot: Slot, action: SlotAction): void {
    const { current, successor } = slot
    if (action === 'start') slot.current = this.#start(slot, false)
    else if (action === 'kill') current?.kill()
    else if (action === 'open') current?.endWaiting()
    else if (action === 'stop') {
      for (const link of this.#slots.vacate(slot)) this.#retire(link)
    } else if (current === undefined) return
    else if (action === 'replace') this.#replace(slot, current)
    else if (action === 'yield') {
      succeed(slot)
      this.#retire(current)
    } else if (successor !== undefined) current.handOver(successor, exchangeWithin)
  }

  /** Exchanges an edge: the successor takes the listeners over, so that no connection is lost. */
  #replace(slot: Slot, current: EdgeLink): void {
    const successor = this.#start(slot, current.understood)
    if (successor === undefined) return
    slot.successor = successor
    // It is asked to hand over once the successor has said hello: before, nobody would listen.
    if (current.understood) return
    // Not a word in common: the successor opens the doors beside it, and it is asked by signal.
    succeed(slot)
    this.#slots.leaving.add(current)
    current.terminate()
  }

  #start(slot: Slot, isSuccessor: boolean): EdgeLink | undefined {
    const { folder, clock } = this.#options
    this.#serial += 1
    const files = edgeFiles(folder, slot.number, this.#serial)
    try {
      const identity = spawnEdge(slot.number, files, this.#logPath, isSuccessor)
      slot.startedAt = clock.now()
      const link = this.#link(slot.number, files, identity)
      this.#shares.begin(link)
      if (this.#secrets !== undefined) link.entrust(this.#secrets)
      this.#tell(link)
      return link
    } catch (thrown) {
      this.#event('edge-failed', slot.number, describeError(thrown))
      this.#died(slot)
      return undefined
    }
  }

  #link(edge: number, files: EdgeLink['files'], identity: EdgeLink['identity']): EdgeLink {
    return new EdgeLink(edge, files, identity, this.#options.clock, {
      message: (link, message) => this.#hear(link, message),
      ended: (link) => this.#ended(link),
    })
  }

  #retire(link: EdgeLink): void {
    this.#slots.leaving.add(link)
    link.send({ kind: 'stop', within: exchangeWithin })
  }

  #hear(link: EdgeLink, message: EdgeMessage): void {
    const { listener } = this.#options
    const slot = this.#slots.find(link)
    switch (message.kind) {
      case 'signal':
        listener.signal(message.signal)
        break
      case 'event':
        listener.event(message.rule, message.subject, message.why, message.seen)
        break
      case 'bind-failed':
        this.#event('bind-failed', link.edge, message.message, { bind: message.bind })
        break
      case 'handed-over':
        this.#slots.leaving.add(link)
        if (link === slot?.current) succeed(slot)
        this.#event('handed-over', link.edge, 'a newer edge holds its listeners now')
        break
      case 'hand-over-failed':
        if (link === slot?.current) {
          if (slot.successor !== undefined) this.#retire(slot.successor)
          this.#successorFailed(slot)
        }
        this.#event('hand-over-failed', link.edge, message.why)
        break
      case 'hello':
      case 'routing':
        this.#tend()
        break
      case 'spent':
        for (const other of this.#slots.links) if (other !== link) other.send(message)
        break
      case 'report':
        if (this.#table !== undefined) this.#shares.hear(link, message.report, this.#table)
        this.#reshare()
        break
      case 'entrusted':
        break
      case 'meters':
        return listener.counted(`${link.identity.pid} ${link.identity.startTicks}`, message.meters)
    }
    listener.changed()
  }

  /** The edge that is there goes on; another try comes later. */
  #successorFailed(slot: Slot): void {
    slot.successor = undefined
    slot.replaceNotBefore = later(this.#options.clock.now(), ms(30_000))
  }

  #ended(link: EdgeLink): void {
    this.#shares.forget(link)
    const slot = this.#slots.find(link)
    if (slot?.successor === link) this.#successorFailed(slot)
    else if (slot?.current === link) {
      succeed(slot)
      const { pid } = link.identity
      if (this.#over) this.#event('edge-ended', link.edge, `process ${pid} was told to end`)
      else {
        this.#event('edge-died', link.edge, `process ${pid} is gone`)
        this.#died(slot)
      }
    }
    this.#slots.forget(link)
    this.#tend()
    this.#options.listener.changed()
  }

  /** Counts a death; the first one after a good life costs no waiting. */
  #died(slot: Slot): void {
    const { clock, random } = this.#options
    const now = clock.now()
    slot.failures = since(slot.startedAt, now) >= wellAfter ? 0 : slot.failures + 1
    const wait = backoff(deaths, slot.failures - 1, random.next())
    slot.notBefore = later(now, wait)
    if (wait > 0) clock.after(wait, () => this.#tend())
  }

  #event(
    rule: string,
    edge: number,
    why: string,
    seen: Readonly<Record<string, unknown>> = {},
  ): void {
    this.#options.listener.event(rule, `edge-${edge}`, why, seen)
  }
}
