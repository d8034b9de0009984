// One machine's agent: opens the ports, hands them to the mind, answers the command line, and gives
// everything back in reverse.

import type { EdgeAccount } from '../balancing/model.ts'
import type { SharedPeers } from '../certificates/engines/shared/peers.ts'
import { besides } from '../cluster/together.ts'
import { describeError, Fault } from '../foundation/fault.ts'
import { ms, openClock } from '../foundation/time.ts'
import { diff } from '../spec/diff.ts'
import type { Spec } from '../spec/model.ts'
import { type Adapters, openAdapters } from './adapters.ts'
import { besideOf, openCertificatePeers } from './certificate-peers.ts'
import type { AgentCluster, AgentClusterDeeds } from './cluster.ts'
import { aloneAnswers, clusterAnswers } from './cluster-answers.ts'
import { type Core, openCore } from './core.ts'
import type { DatabasesPort } from './core-ports.ts'
import { type DatabaseAnswers, databaseAnswers, overviews, primaryOf } from './database-answers.ts'
import { movePrimaries } from './database-drain.ts'
import type { AgentDatabasesOptions } from './database-options.ts'
import { answeringFor, fillSpec, openDatabases } from './database-parts.ts'
import { refuseChanges } from './database-plan.ts'
import { databaseAccounts } from './database-table.ts'
import type { AgentDatabases } from './databases.ts'
import { joinCluster } from './join.ts'
import { type OpenJournal, openJournal } from './journal.ts'
import { takeLocks } from './lock.ts'
import type { AppliedFile, ApplyReport, Ending, Status } from './model.ts'
import { deploy, drain, maintain, restart, undrain } from './operator.ts'
import { makeStateFolder, type StatePaths } from './paths.ts'
import { planOf } from './plan.ts'
import { overruledIn } from './routes.ts'
import { sceneOf } from './scene.ts'
import { type Answers, serveAgent } from './server.ts'
import { statusOf, type Teller } from './status.ts'
import { stopAll, stopNow } from './stop.ts'
import { openStore } from './store.ts'
import { openTelemetry, type Telemetry } from './telemetry.ts'
import { stillRolledBack, wishSpec } from './templates.ts'
import { version } from './version.ts'
import { explain } from './why.ts'
import { hasWindows, openWindows, type Windows } from './windows.ts'

/** A file that was read, and what it asks for. */
export interface ReadFile {
  readonly spec: Spec
  readonly file: Omit<AppliedFile, 'at'>
}

/** What an agent is opened with. */
export interface AgentOptions {
  readonly paths: StatePaths
  readonly read: ReadFile
  /** Reads the text of a file that is applied later; throws a Fault `bad-file`. */
  readonly parse: (file: Omit<AppliedFile, 'at'>) => Promise<Spec>
  /** Which of several machines this is, if it was told. */
  readonly machine?: string | undefined
}

/** A running agent. */
export interface Agent {
  readonly journal: OpenJournal
  status(): Status
  /**
   * Ends the agent: stops accepting, lets what is in flight end, stops the replicas; with `leave`
   * it only lets go, and the next agent adopts what runs.
   */
  down(leave: boolean): Promise<void>
  /** Ends at once what `down` still waits for. */
  hurry(): void
  /** Resolves once the agent has ended, whoever asked for it. */
  readonly ended: Promise<Ending>
}

/**
 * Opens the agent of one file: adopts what an earlier one left running, then makes the file true.
 * Throws a Fault, with everything that ran still running, if another agent holds the file, the
 * state is not of a form that this version understands, or a port is in use.
 */
export async function openAgent(options: AgentOptions): Promise<Agent> {
  const { paths } = options
  makeStateFolder(paths)
  const lock = await takeLocks([paths.lock, paths.formerLock])
  if (lock === undefined) throw await alreadyRunning(paths)
  try {
    return await openLocked(options, lock)
  } catch (thrown) {
    lock[Symbol.dispose]()
    throw thrown
  }
}

async function alreadyRunning(paths: StatePaths): Promise<Fault> {
  const remedy = 'change what it runs: alwayson apply; or end it: alwayson down'
  try {
    // HTTP is loaded when it is needed: nobody waits for it before the first replica starts.
    const { ask } = await import('./client.ts')
    const { file, agent } = await ask(
      paths.socket,
      '/status',
      {},
      // It may be stopped or starved: that it lives is known, the rest is courtesy.
      AbortSignal.timeout(2000),
    )
    return new Fault('already-running', `${file} is already up (agent ${agent.pid})`, { remedy })
  } catch (cause) {
    return new Fault('already-running', `another agent holds ${paths.folder}`, { cause, remedy })
  }
}

async function openLocked(options: AgentOptions, lock: Disposable): Promise<Agent> {
  const { paths } = options
  const store = openStore(paths.state)
  const kept = store.load()
  const journal = openJournal(paths.journal)
  const clock = openClock()
  let core: Core | undefined
  let opened: AgentDatabases | undefined
  const beside = (place: AgentDatabasesOptions['cluster']): AgentDatabases => {
    opened ??= openDatabases({ paths, clock, journal, changed: () => core?.poke() }, place)
    return opened
  }
  const parse: AgentOptions['parse'] = async (file) =>
    fillSpec(await options.parse(file), beside(undefined))
  let peers: SharedPeers | undefined
  const cluster = await joinCluster({
    ...{ ...options, parse, clock, journal },
    beside(place) {
      peers = openCertificatePeers(paths.folder, place, { clock, journal })
      return besides([beside(place), besideOf(peers)])
    },
  })
  const databases = beside(undefined)
  const own = { ...options.read, spec: fillSpec(options.read.spec, databases) }
  const read = (await cluster?.first(own)) ?? own
  const telemetry = openTelemetry({ clock, journal })
  const adapters = await openAdapters(
    { folder: paths.folder, clock, version, address: cluster?.address, peers },
    {
      changed: () => core?.poke(),
      signal: (signal) => core?.signal(signal),
      counted: (edge, meters) => telemetry.hear(edge, meters),
      event: (room, subject, rule, why, seen) =>
        journal.record({ at: clock.now(), room, subject, rule, why, actions: [], seen }),
    },
  )
  core = openCore({
    ...{ clock, journal, store, cluster, ...adapters },
    databases: opensDoors(databases, adapters),
  })
  const windows = openWindows(
    telemetry,
    () => core?.operate.bind(core),
    (thrown) => {
      const told = { room: 'agent', subject: 'windows', rule: 'window-lost' }
      const why = describeError(thrown)
      journal.record({ at: clock.now(), ...told, why, actions: [], seen: {} })
    },
  )
  try {
    const first = core
    await windows.change(read.spec, () => first.apply(read.spec, read.file))
  } catch (thrown) {
    core[Symbol.dispose]()
    if (kept?.applied === undefined) await adapters.balancer.stop(ms(0))
    adapters.leave()
    await databases.leave()
    await cluster?.[Symbol.asyncDispose]()
    throw thrown
  }
  const agent = new RunningAgent({
    ...{ ...options, parse, core, adapters, journal, lock, telemetry, windows, cluster },
    databases,
  })
  await agent.listen()
  cluster?.begin(agent)
  return agent
}

/** What of a file may not change in force: nothing depends yet on what has not been taken over. */
const settled = (spec: Spec, databases: AgentDatabases): Pick<Spec, 'databases'> => ({
  databases: Object.fromEntries(
    Object.entries(spec.databases).filter(([name]) => !databases.isForeign(name)),
  ),
})

/** For a server that is to end cleanly. */
const databasesEndWithin = ms(20_000)

interface Parts extends AgentOptions {
  readonly telemetry: Telemetry
  readonly windows: Windows
  readonly core: Core
  readonly adapters: Adapters
  readonly journal: OpenJournal
  readonly lock: Disposable
  readonly cluster: AgentCluster | undefined
  readonly databases: AgentDatabases
}

/** Before the doors of databases are opened, edges hear as whom sessions log in anew. */
function opensDoors(databases: AgentDatabases, adapters: Adapters): DatabasesPort {
  let accounts: readonly EdgeAccount[] = []
  const entrust = (): Promise<void> =>
    adapters.entrust({ accounts, machine: databases.certificate?.() })
  databases.onRenewal(() => void entrust())
  return {
    views: () => databases.views(),
    async plan(plans) {
      databases.plan(plans)
      accounts = plans.flatMap((plan) => databaseAccounts(plan, databases.passwordOf(plan)))
      await entrust()
    },
    apply: () => databases.apply(),
  }
}

class RunningAgent implements Agent, AgentClusterDeeds {
  readonly #parts: Parts
  readonly #databases: DatabaseAnswers
  readonly #clock = openClock()
  readonly #since = this.#clock.now()
  readonly #end = Promise.withResolvers<Ending>()
  #server: Disposable | undefined
  #ending: Promise<void> | undefined
  #leaves = false
  #how: Ending = 'other'

  constructor(parts: Parts) {
    this.#parts = parts
    const { core, telemetry, databases, journal } = parts
    this.#databases = answeringFor(databases, journal)
    telemetry.watch(
      (counted) => sceneOf(core.world(), this.#teller(), counted),
      () => hasWindows(core.world().spec),
    )
  }

  get journal(): OpenJournal {
    return this.#parts.journal
  }

  get ended(): Promise<Ending> {
    return this.#end.promise
  }

  /** Opens the door to the command line. */
  async listen(): Promise<void> {
    this.#server = await serveAgent(this.#parts.paths.socket, this.#answers(), this.journal)
  }

  status(): Status {
    return statusOf(this.#parts.core.world(), this.#teller())
  }

  apply(spec: Spec, file: Omit<AppliedFile, 'at'>): Promise<void> {
    const { core, windows } = this.#parts
    return windows.change(spec, () => core.apply(spec, file))
  }

  poke(): void {
    this.#parts.core.poke()
  }

  deploy(service: string): void {
    this.#parts.core.operate('deploy', service, (world, now) => deploy(world, service, now))
  }

  restart(subject: string): void {
    this.#parts.core.operate('restart', subject, (world, now) => restart(world, subject, now))
  }

  #teller(): Teller {
    return {
      pid: process.pid,
      version,
      since: this.#since,
      now: this.#clock.now(),
      decision: (service) => this.#parts.core.decision(service),
      databases: overviews(this.#databases, this.#clock.now()),
      cluster: this.#parts.cluster?.status(),
      recent: (service) => this.#parts.telemetry.recent(service),
    }
  }

  down(leave = false): Promise<void> {
    if (this.#ending === undefined) this.#leaves = leave
    this.#ending ??= this.#close(leave).finally(() => this.#end.resolve(this.#how))
    return this.#ending
  }

  /** The same, as an operator asked for it; also where a signal has begun it already. */
  endAsTold(leave = false): Promise<void> {
    const ending = this.down(leave)
    if (!this.#leaves) this.#how = 'down'
    return ending
  }

  hurry(): void {
    if (this.#ending !== undefined) stopNow(this.#parts.adapters)
  }

  async #close(leave: boolean): Promise<void> {
    const { core, adapters, lock, telemetry, windows, cluster, databases } = this.#parts
    this.#note(leave ? 'leave' : 'down', leave ? 'what runs is left running' : 'asked to end')
    const { state } = core.world()
    core[Symbol.dispose]()
    telemetry[Symbol.dispose]()
    windows[Symbol.dispose]()
    // Whoever is told to end is no longer asked whether it is well.
    adapters.monitor.watch([])
    if (!leave) cluster?.leave()
    if (!leave) await stopAll(adapters, state, this.#clock)
    await (leave ? databases.leave() : databases.end(databasesEndWithin))
    adapters.leave()
    await (leave ? cluster?.[Symbol.asyncDispose]() : cluster?.stop())
    this.#server?.[Symbol.dispose]()
    lock[Symbol.dispose]()
  }

  async #apply(
    file: Omit<AppliedFile, 'at'>,
    { dryRun, over }: { readonly dryRun: boolean; readonly over?: number | undefined },
  ): Promise<ApplyReport> {
    const { core, parse, cluster, databases } = this.#parts
    const spec = await parse(file)
    const { spec: before, state } = core.world()
    refuseChanges(settled(before, databases), spec, (name) => primaryOf(this.#databases, name))
    await databases.check(Object.values(spec.databases))
    const services = wishSpec(state.services, spec, this.#clock.now())
    const adoptions = await databases.planAdoptions(Object.values(spec.databases))
    const planned = planOf({ spec: before, services: state.services }, { spec, services })
    const actions = [...planned, ...adoptions.actions]
    const found = diff(before, spec).map(({ sentence }) => sentence)
    const differences = [...found, ...adoptions.differences]
    if (!dryRun) {
      if (cluster === undefined) await this.apply(spec, file)
      else await cluster.apply(file, over)
      await databases.adopt(adoptions)
      if (actions.length > 0) this.#note('applied', 'an operator applied the file', actions)
    }
    const rolledBack = stillRolledBack(services, spec)
    // What the order of things brings about, or a state that was lost, is no difference of files.
    const changed = differences.length + actions.length > 0
    const words = overruledIn(state, spec)
    return { changed, differences, actions, rolledBack, overruled: words }
  }

  #answers(): Answers {
    const { core, cluster } = this.#parts
    const done = {}
    return {
      '/status': () => this.status(),
      '/why': ({ subject }) => explain(this.status(), subject),
      '/apply': ({ dryRun, over, ...file }) => this.#apply(file, { dryRun, over }),
      '/deploy': ({ service }) => {
        this.deploy(service)
        return done
      },
      '/restart': ({ subject }) => {
        this.restart(subject)
        return done
      },
      '/drain': ({ server, force }) => {
        core.operate('drain', server, (world) => drain(world, server, force))
        return done
      },
      '/maintenance': ({ subject, on }) => {
        const rule = on ? 'maintenance-on' : 'maintenance-off'
        core.operate(rule, subject, (world) => maintain(world, subject, on))
        return {}
      },
      '/undrain': ({ server }) => {
        core.operate('undrain', server, (world) => undrain(world, server))
        return done
      },
      ...databaseAnswers(
        this.#databases,
        () => this.#clock.now(),
        (verb, subject) => this.#note(verb, 'an operator asked for it', [], subject),
      ),
      ...(cluster === undefined
        ? aloneAnswers
        : clusterAnswers(cluster, core, (machine, drained) =>
            movePrimaries(this.#databases, machine, drained, this.#clock),
          )),
      '/down': ({ leave }) => {
        // Answered before the door is closed: the asker waits for the lock to be free.
        setImmediate(() => void this.endAsTold(leave))
        return done
      },
    }
  }

  #note(rule: string, why: string, actions: readonly string[] = [], subject = 'agent'): void {
    const at = this.#clock.now()
    this.journal.record({ at, room: 'agent', subject, rule, why, actions, seen: {} })
  }
}
