// A situation told line by line: what is done to a simulated world, and what follows from it. The
// commands are the words of an operator and of trouble; the answers are what is decided and seen.

import { deploy, drain, restart, undrain } from '../agent/operator.ts'
import { describeError } from '../foundation/fault.ts'
import { invariant } from '../foundation/invariant.ts'
import { formatDuration, instant, later, ms, parseDuration } from '../foundation/time.ts'
import type { Process } from './machine.ts'
import { badPrograms, goodProgram, type Program } from './program.ts'
import { ailOf } from './well.ts'
import { SimulatedWorld } from './world.ts'

/** Longer than any deadline of the simulated file, several times over. */
const patience = ms(60_000)

/** What is noted of processes and requests one by one would drown the rest. */
const isTold = (who: string, text: string): boolean =>
  who !== 'life' && who !== 'operator' && !/^(process |holds request|its guard starts)/.test(text)

/** A world to which a story happens; each command answers with what followed from it. */
export class Story {
  readonly #world: SimulatedWorld
  readonly #lines: string[] = []
  #programs = 0
  #hedged = 0

  constructor() {
    this.#world = new SimulatedWorld({
      ...{ seed: 1, services: 0, edges: 2, requestsPerSecond: 50 },
      promised: { enoughUp: false, served: 'none' },
      trace: (clock) => ({
        note: (who, what) => {
          const text = what()
          const at = (clock.now() / 1000).toFixed(2).padStart(6)
          if (isTold(who, text)) this.#lines.push(`${at}  ${who.padEnd(8)} ${text}`)
        },
      }),
    })
  }

  /** Carries out one command and says what followed. */
  async tell(command: string): Promise<readonly string[]> {
    const [verb = '', ...words] = command.split(' ')
    const act = this.#verbs[verb]
    if (act === undefined) {
      throw new Error(`no such command: ${command}; there are ${Object.keys(this.#verbs)}`)
    }
    await act(...words)
    // What follows at once belongs to the command.
    await this.#world.run(ms(0))
    return this.#lines.splice(0)
  }

  readonly #verbs: Readonly<Record<string, (...words: string[]) => void | Promise<void>>> = {
    given: (...words) => this.#given(words.join(' ')),
    start: (what) => {
      invariant(what === 'agent', 'only an agent is started')
      this.#world.agent.start()
    },
    run: (service = '', replicas = '', program = 'good') =>
      this.#world.operator.want(service, {
        replicas: Number(replicas),
        program: this.#program(program),
      }),
    scale: (service = '', replicas = '') =>
      this.#world.operator.want(service, { replicas: Number(replicas) }),
    deploy: (service = '', program?: string) =>
      program === undefined
        ? this.#operate('deploy', service)
        : this.#world.operator.want(service, { program: this.#program(program) }),
    remove: (service = '') => this.#world.operator.remove(service),
    restart: (subject = '') => this.#operate('restart', subject),
    drain: (server = '') => this.#operate('drain', server),
    undrain: (server = '') => this.#operate('undrain', server),
    crash: (id = '') => this.#world.machine.signal(this.#process(id), 'SIGKILL'),
    freeze: (id = '') => this.#world.machine.signal(this.#process(id), 'SIGSTOP'),
    thaw: (id = '') => this.#world.machine.signal(this.#process(id), 'SIGCONT'),
    fail: (id = '') => this.#fail(id, 1e9),
    slow: (id = '') => {
      this.#process(id).slowUntil = instant(1e9)
    },
    mend: (id = '') => {
      this.#fail(id, 0)
      this.#process(id).slowUntil = instant(0)
    },
    kill: (what = '', which = '') => this.#kill(what, which),
    for: (length = '') => this.#for(length),
    until: (what = '') => this.#until(what),
    clients: () => this.#clients(),
    hedges: () => this.#hedges(),
    lost: () => {
      const { failed } = this.#world.clients.ledger()
      const repeatable = failed.filter(({ idempotent }) => idempotent).length
      this.#lines.push(`${repeatable} of all that failed could have been repeated`)
    },
    status: () => this.#status(),
  }

  /** A world in which all is well already: how it came to be is another story. */
  async #given(services: string): Promise<void> {
    for (const service of services.split(' and ')) {
      const [name = '', replicas = ''] = service.split(' ')
      this.#world.operator.want(name, {
        replicas: Number(replicas),
        program: this.#program('good'),
      })
    }
    this.#world.agent.start()
    await this.#until('well')
    this.#world.clients.tally()
    this.#lines.length = 0
  }

  #operate(verb: 'deploy' | 'restart' | 'drain' | 'undrain', subject: string): void {
    const { core } = this.#world.agent
    invariant(core !== undefined, 'somebody is there to be asked')
    try {
      core.operate(verb, subject, (world, now) => {
        if (verb === 'deploy') return deploy(world, subject, now)
        if (verb === 'restart') return restart(world, subject, now)
        return verb === 'drain' ? drain(world, subject, false) : undrain(world, subject)
      })
    } catch (thrown) {
      this.#lines.push(`refused: ${describeError(thrown)}`)
    }
  }

  #kill(what: string, which: string): void {
    if (what === 'agent') this.#world.agent.kill()
    else if (what === 'edge') this.#world.edges.kill(Number(which))
    else {
      const guard = this.#world.guards.guards().find(({ order }) => order.id === which)
      invariant(what === 'guard' && guard !== undefined, `there is a ${what} of ${which}`)
      this.#world.guards.kill(guard, false)
    }
  }

  #fail(id: string, until: number): void {
    this.#process(id).failsUntil = instant(until)
  }

  async #for(length: string): Promise<void> {
    const wait = parseDuration(length)
    invariant(wait !== undefined, `${length} is a length of time`)
    await this.#world.run(wait)
  }

  async #until(what: string): Promise<void> {
    invariant(what === 'well', 'a story waits until all is well, or for a length of time')
    const deadline = later(this.#world.clock.now(), patience)
    for (let ail = ailOf(this.#world); ail !== undefined; ail = ailOf(this.#world)) {
      if (this.#world.clock.now() >= deadline) {
        this.#lines.push(`not within ${formatDuration(patience)}: ${ail.what}`)
        return
      }
      await this.#world.run(ms(50))
    }
  }

  #clients(): void {
    const { answered, failed, longest } = this.#world.clients.tally()
    const slowest = formatDuration(longest)
    this.#lines.push(
      `${answered} requests answered, ${failed} failed, the slowest after ${slowest}`,
    )
  }

  /** Since the last time it was asked, by the edges that live. */
  #hedges(): void {
    const reports = this.#world.edges.edges().map((edge) => edge.report())
    const doors = reports.flatMap(({ frontends }) => Object.values(frontends))
    const hedged = doors.reduce((sum, door) => sum + door.hedged, 0)
    this.#lines.push(`${hedged - this.#hedged} requests were sent to a second server`)
    this.#hedged = hedged
  }

  #status(): void {
    const { core } = this.#world.agent
    invariant(core !== undefined, 'somebody is there to be asked')
    const { state, replicas, table } = core.world()
    for (const [name, { state: service }] of Object.entries(state.services)) {
      const { revision, rolledBack } = service
      const back = rolledBack === undefined ? '' : `, ${rolledBack.revision} was rolled back`
      const rule = core.decision(name)?.rule ?? 'not decided yet'
      this.#lines.push(`${name}: ${service.replicas} of revision ${revision}${back}, ${rule}`)
    }
    const routed = table?.pools.flatMap(({ servers }) => servers) ?? []
    for (const replica of replicas) {
      const route = routed.find(({ id }) => id === replica.id)?.state ?? 'not routed'
      this.#lines.push(
        `  ${replica.id}: revision ${replica.revision}, ${replica.state.kind}, ${route}`,
      )
    }
  }

  #process(id: string): Process {
    const process = [...this.#world.machine.processes()].find(({ owner }) => owner === id)
    invariant(process !== undefined, `${id} has a process`)
    return process
  }

  /** Each deploy is of a program of its own, as a new release is. */
  #program(kind: string): string {
    const differs: Partial<Program> | undefined = { good: {}, slow: slow, ...badPrograms }[kind]
    invariant(differs !== undefined, `${kind} is a kind of program`)
    this.#programs += 1
    const name = `${kind}, release ${this.#programs}`
    const good = kind === 'good' || kind === 'slow'
    this.#world.programs.set(name, { ...goodProgram, ...differs, name, good })
    return name
  }
}

/** Listens late, and answers 503 for a while then. */
const slow: Partial<Program> = { listensAfter: ms(1500), readyAfter: ms(800) }
