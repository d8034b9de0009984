// One guard: a supervisor, its replica's log, its record, and those who ask about it.

import { mkdirSync, rmSync } from 'node:fs'
import { checkSocketPath, type LinkServer, listenForLinks } from '../../control/link.ts'
import { type LogFile, machineDisk, openLogFile } from '../../control/log-file.ts'
import { bootId, type ProcessIdentity } from '../../control/processes.ts'
import { describeError } from '../../foundation/fault.ts'
import type { Random } from '../../foundation/random.ts'
import { type Clock, type Milliseconds, ms } from '../../foundation/time.ts'
import type { Exit } from '../model.ts'
import { type Audience, openAudience } from './audience.ts'
import { launchOf, markOf } from './launch.ts'
import { readLines } from './log-lines.ts'
import {
  type GuardMessage,
  type GuardOrder,
  type GuardRecord,
  type GuardStatus,
  guardProtocol,
  type HostMessage,
  recordFormat,
} from './protocol.ts'
import {
  claimRecord,
  type GuardPaths,
  guardPaths,
  guardsFolder,
  logsFolder,
  writeRecord,
} from './record.ts'
import { redactText } from './redact.ts'
import { openRunner, type Run, type Runner } from './runner.ts'
import { type Supervisor, supervise } from './supervise.ts'

/** What a guard is given by its process. */
export interface GuardPorts {
  /** The state folder. */
  readonly state: string
  readonly self: ProcessIdentity
  readonly clock: Clock
  readonly random: Random
  /** The replica is gone, nothing of the guard is left on disk: the process may exit. */
  ended(): void
}

/** A guard at work. */
export interface Guard {
  /** Ends the replica, with SIGKILL after `within` or after what its template says. */
  stop(within?: Milliseconds): void
}

/** Lines of a replica's last words that an event quotes, and how long each may be. */
const lastWords = { lines: 16, length: 300 }

/** From the farewell to the exit: the links are given time to carry it. */
const farewellWithin = ms(20)

/**
 * Starts a replica and guards it. Throws a Fault, and has started nothing, if another guard has a
 * record of it or the state folder cannot be written.
 */
export async function openGuard(order: GuardOrder, ports: GuardPorts): Promise<Guard> {
  const paths = guardPaths(ports.state, order.id)
  checkSocketPath(paths.socket)
  for (const folder of [guardsFolder(ports.state), logsFolder(ports.state)]) {
    mkdirSync(folder, { recursive: true, mode: 0o700 })
  }
  const guard = new ReplicaGuard(order, ports, paths)
  await guard.begin()
  return guard
}

class ReplicaGuard implements Guard {
  readonly #order: GuardOrder
  readonly #ports: GuardPorts
  readonly #paths: GuardPaths
  readonly #boot = bootId()
  readonly #audience: Audience
  readonly #supervisor: Supervisor
  readonly #log: LogFile
  #server: LinkServer | undefined
  #lastWords: readonly string[] = []
  #recordTrouble = ''

  constructor(order: GuardOrder, ports: GuardPorts, paths: GuardPaths) {
    const { clock, random, self } = ports
    this.#order = order
    this.#ports = ports
    this.#paths = paths
    this.#audience = openAudience(clock)
    this.#log = openLogFile(paths.log, order.template.logs, {
      disk: machineDisk,
      clock,
      listener: {
        losing: (why) => this.#tell('log-cut-short', `${why}: lines are dropped and counted`, {}),
        keeping: (lost) =>
          this.#tell('log-resumed', `lines are kept again, ${lost} lost`, { lost }),
      },
    })
    this.#supervisor = supervise(order.template, {
      clock,
      random,
      runner: discreet(openRunner(launchOf(order, self), markOf(self), paths.pipes), order),
      listen: (run) => this.#listen(run),
      changed: () => this.#changed(),
      tell: (rule, why, exit) => this.#tell(rule, why, this.#seen(exit)),
      finished: () => void this.#finish(),
    })
  }

  /** First the record, then the door, then the replica: what runs can always be found. */
  async begin(): Promise<void> {
    claimRecord(this.#paths.record, this.#record())
    try {
      this.#server = await listenForLinks<GuardMessage, HostMessage>(this.#paths.socket, (link) => {
        this.#audience.add(link, this.#hello())
        return {
          message: (message) => this.#obey(message),
          ended: () => this.#audience.remove(link),
        }
      })
    } catch (thrown) {
      rmSync(this.#paths.record, { force: true })
      throw thrown
    }
    this.#supervisor.begin()
  }

  stop(within = this.#order.template.stopWithin): void {
    this.#supervisor.stop(within)
  }

  #obey(message: HostMessage): void {
    if (message.kind === 'report') this.#audience.status(this.#status())
    if (message.kind === 'heard') this.#audience.heard(message.serial)
    if (message.kind === 'stop') this.stop(message.within)
  }

  #listen(run: Run): Promise<unknown> {
    this.#lastWords = []
    const { secrets } = this.#order.template
    const ports = {
      secrets,
      clock: this.#ports.clock,
      append: (lines: Buffer) => this.#keep(lines),
    }
    return Promise.all([readLines(run.stdout, ports), readLines(run.stderr, ports)])
  }

  #keep(lines: Buffer): Promise<void> {
    const heard = lines.toString('utf8').trimEnd().split('\n').slice(-lastWords.lines)
    const short = heard.map((line) => line.slice(0, lastWords.length))
    this.#lastWords = [...this.#lastWords, ...short].slice(-lastWords.lines)
    return this.#log.append(lines)
  }

  #changed(): void {
    this.#write()
    this.#audience.status(this.#status())
  }

  /** A record that cannot be written is no reason to fail: the guard itself can still be asked. */
  #write(): void {
    try {
      writeRecord(this.#paths.record, this.#record())
      this.#recordTrouble = ''
    } catch (thrown) {
      const why = `${this.#paths.record} cannot be written: ${describeError(thrown)}`
      if (why !== this.#recordTrouble) this.#tell('record-outdated', why, {})
      this.#recordTrouble = why
    }
  }

  #tell(rule: string, why: string, seen: Readonly<Record<string, unknown>>): void {
    this.#audience.event({ rule, why: redactText(why, this.#order.template.secrets), seen })
  }

  #seen(exit: Exit | undefined): Readonly<Record<string, unknown>> {
    const { failures, restarts, child } = this.#status()
    return exit === undefined
      ? { pid: child?.pid, failures, restarts }
      : { exit, failures, restarts, lastWords: this.#lastWords }
  }

  #status(): GuardStatus {
    const { id, service, revision, host, port, startedAt } = this.#order
    const { failures, restarts, process } = this.#supervisor.state()
    const child = this.#supervisor.run()?.process
    const replica = { id, service, revision, host, port, startedAt }
    return { ...replica, failures, restarts, state: process, child }
  }

  #record(): GuardRecord {
    return {
      format: recordFormat,
      boot: this.#boot,
      version: this.#order.version,
      guard: this.#ports.self,
      stopSignal: this.#order.template.stopSignal,
      status: this.#status(),
    }
  }

  #hello(): GuardMessage {
    const { version } = this.#order
    const guard = this.#ports.self
    return { kind: 'hello', protocol: guardProtocol, version, guard, status: this.#status() }
  }

  /** The record goes before the farewell: whoever hears it may start the next of this name. */
  async #finish(): Promise<void> {
    await this.#log.close()
    this.#server?.[Symbol.dispose]()
    for (const path of [this.#paths.trouble, this.#paths.record]) rmSync(path, { force: true })
    this.#audience.dismiss()
    this.#ports.clock.after(farewellWithin, this.#ports.ended)
  }
}

/** What the system says of a program may quote an argument, and that may be a secret. */
const discreet = (runner: Runner, { template }: GuardOrder): Runner => ({
  ...runner,
  start: (ended) =>
    runner.start((exit) =>
      ended(
        exit.kind === 'unstartable'
          ? { ...exit, reason: redactText(exit.reason, template.secrets) }
          : exit,
      ),
    ),
})
