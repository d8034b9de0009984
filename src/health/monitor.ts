// Asks every server in its turn and keeps the verdicts; what a verdict needs is judged elsewhere.

import type { Random } from '../foundation/random.ts'
import { type Clock, type Instant, later, ms } from '../foundation/time.ts'
import { meansTheSame } from './agent-words.ts'
import { AgentRounds } from './agents.ts'
import { judge, unknownHealth } from './judge.ts'
import type { Check, Health, News, Target, TrafficSignal, VerdictChange } from './model.ts'
import type { AgentAsker, Prober } from './prober.ts'
import { firstWait, nextProbe } from './schedule.ts'

/** What a monitor tells at once, without being asked. */
export interface HealthListener {
  /**
   * A verdict changed. It may call `watch` from here. `expected`: it is no news, as a process that
   * has just been started does not answer at once.
   */
  changed(change: VerdictChange, health: Health, expected: boolean): void
  /**
   * An agent asks for another share, or for nothing, while the verdict stays what it was; also when
   * what it said is forgotten as it is no longer asked.
   */
  asked?(server: string, health: Health): void
}

/** Keeps the verdicts of all servers of one machine's file. */
export interface Monitor extends Disposable {
  /**
   * Watches these and no others. Whoever was watched already, at the same address and in the same
   * incarnation, keeps what is known of it.
   */
  watch(targets: readonly Target[]): void
  /** Hears what traffic met. Signals about servers that are not watched are ignored. */
  signal(signal: TrafficSignal): void
  /** What is known of every watched server. The map is alive: copy what you keep. */
  observe(): ReadonlyMap<string, Health>
}

/** What the monitor of a machine needs. */
export interface MonitorParts {
  readonly clock: Clock
  readonly random: Random
  readonly prober: Prober
  /** Without it no agents are asked. */
  readonly agents?: AgentAsker
  readonly listener: HealthListener
}

/** One watched server. */
interface Watched {
  target: Target
  /** When this process is first to be asked. */
  askFrom: Instant
  wasUp: boolean
  readonly phase: number
  askedAt: Instant | undefined
  prompted: boolean
  /** The answer that is waited for; a later question makes an earlier answer void. */
  asking: number | undefined
  timer: Disposable | undefined
}

/** Begins to watch nobody. */
export const openMonitor = (parts: MonitorParts): Monitor => new ServerMonitor(parts)

class ServerMonitor implements Monitor {
  readonly #parts: MonitorParts
  readonly #watched = new Map<string, Watched>()
  readonly #known = new Map<string, Health>()
  /** How many servers of each service are up. */
  readonly #upIn = new Map<string, number>()
  readonly #untold: (() => void)[] = []
  readonly #agents: AgentRounds | undefined
  #telling = false
  #questions = 0

  constructor(parts: MonitorParts) {
    this.#parts = parts
    const { clock, random, agents } = parts
    if (agents === undefined) return
    this.#agents = new AgentRounds({
      ...{ clock, random, agents },
      heard: (server, report) => this.#hear(server, { kind: 'agent', report }),
    })
  }

  observe(): ReadonlyMap<string, Health> {
    return this.#known
  }

  watch(targets: readonly Target[]): void {
    const services = new Map(targets.map((target) => [target.id, target.service]))
    for (const entry of [...this.#watched.values()]) {
      if (services.get(entry.target.id) !== entry.target.service) this.#forget(entry)
    }
    const newcomers = targets.length - this.#watched.size
    for (const target of targets) {
      const entry = this.#watched.get(target.id)
      if (entry === undefined) this.#restart(this.#begin(target), target, newcomers)
      else if (!isSameProcess(entry.target, target)) this.#restart(entry, target, newcomers)
      else this.#update(entry, target)
    }
    this.#agents?.watch(targets)
    this.#tell()
  }

  signal(signal: TrafficSignal): void {
    this.#hear(signal.server, { kind: 'signal', signal })
  }

  #hear(server: string, news: News): void {
    const entry = this.#watched.get(server)
    if (entry === undefined) return
    this.#take(entry, news)
    this.#tell()
  }

  [Symbol.dispose](): void {
    this.#agents?.[Symbol.dispose]()
    for (const entry of [...this.#watched.values()]) this.#forget(entry)
  }

  #begin(target: Target): Watched {
    const { clock, random } = this.#parts
    const entry: Watched = {
      target,
      askFrom: clock.now(),
      wasUp: false,
      phase: random.next(),
      askedAt: undefined,
      prompted: false,
      asking: undefined,
      timer: undefined,
    }
    this.#watched.set(target.id, entry)
    return entry
  }

  /** Another process is there: what was asked and seen of the one before is void. */
  #restart(entry: Watched, target: Target, newcomers: number): void {
    const { clock, random } = this.#parts
    const askFrom = later(clock.now(), firstWait(newcomers, random.next()))
    const fresh = { wasUp: false, askedAt: undefined, prompted: false, asking: undefined }
    Object.assign(entry, { target, askFrom, ...fresh })
    this.#take(entry, { kind: 'restarted' })
  }

  #update(entry: Watched, target: Target): void {
    const before = entry.target.check
    entry.target = target
    if (!isSameCheck(before, target.check)) this.#take(entry, { kind: 'check-changed' })
  }

  #forget(entry: Watched): void {
    const { id, service } = entry.target
    if (this.#healthOf(id).verdict === 'up') this.#count(service, -1)
    entry.asking = undefined
    entry.timer?.[Symbol.dispose]()
    this.#watched.delete(id)
    this.#known.delete(id)
  }

  #take(entry: Watched, news: News): void {
    const { clock, listener } = this.#parts
    const { id, service, check, starting = false } = entry.target
    const health = this.#healthOf(id)
    const wasUp = health.verdict === 'up' ? 1 : 0
    const siblingsUp = (this.#upIn.get(service) ?? 0) - wasUp
    const judged = judge({ now: clock.now(), server: id, health, check, siblingsUp, news })
    this.#known.set(id, judged.health)
    const isUp = judged.health.verdict === 'up' ? 1 : 0
    if (isUp !== wasUp) this.#count(service, isUp - wasUp)
    entry.wasUp ||= isUp === 1
    this.#plan(entry)
    const { change } = judged
    const expected = starting && change?.from === 'unknown' && change.to === 'down'
    if (change !== undefined) {
      this.#untold.push(() => listener.changed(change, judged.health, expected))
    } else if (!meansTheSame(health.agent, judged.health.agent)) {
      this.#untold.push(() => listener.asked?.(id, judged.health))
    }
  }

  #plan(entry: Watched): void {
    if (entry.asking !== undefined) return
    entry.timer?.[Symbol.dispose]()
    const { clock } = this.#parts
    const { target } = entry
    const { phase, askFrom, wasUp, askedAt, prompted } = entry
    const asking = { check: target.check, health: this.#healthOf(target.id) }
    const now = clock.now()
    const at = nextProbe({ ...asking, phase, askFrom, wasUp, askedAt, prompted }, now)
    if (at !== undefined) entry.timer = clock.after(ms(at - now), () => this.#ask(entry))
  }

  #ask(entry: Watched): void {
    this.#questions += 1
    const question = this.#questions
    entry.asking = question
    entry.askedAt = this.#parts.clock.now()
    entry.prompted = this.#healthOf(entry.target.id).suspectedAt !== undefined
    this.#parts.prober.probe(entry.target, (sighting) => {
      if (entry.asking !== question) return
      entry.asking = undefined
      this.#take(entry, { kind: 'sighting', sighting })
      this.#tell()
    })
  }

  /** Tells what changed, only when all is in its place: a listener may well call `watch`. */
  #tell(): void {
    if (this.#telling) return
    this.#telling = true
    try {
      for (let next = this.#untold.shift(); next; next = this.#untold.shift()) next()
    } finally {
      this.#telling = false
    }
  }

  #healthOf(id: string): Health {
    return this.#known.get(id) ?? unknownHealth(this.#parts.clock.now())
  }

  #count(service: string, more: number): void {
    const up = (this.#upIn.get(service) ?? 0) + more
    if (up === 0) this.#upIn.delete(service)
    else this.#upIn.set(service, up)
  }
}

const isSameProcess = (a: Target, b: Target): boolean =>
  a.host === b.host && a.port === b.port && a.incarnation === b.incarnation

const isSameCheck = (a: Check, b: Check): boolean =>
  a === b || JSON.stringify(a) === JSON.stringify(b)
