// Runs replicas as processes of this machine, each under a guard, and adopts those that an earlier
// agent has left running.

import { Fault } from '../../../foundation/fault.ts'
import type { Random } from '../../../foundation/random.ts'
import { type Clock, type Milliseconds, ms, sleep } from '../../../foundation/time.ts'
import type { GuardRecord } from '../../guard/protocol.ts'
import type { HostListener, ReplicaHost, StartOrder } from '../../host.ts'
import type { ReplicaProcess } from '../../model.ts'
import type { HostedReplica, ReplicaPorts, Surroundings } from './model.ts'
import { drawPort, localPortRange, type PortRange } from './ports.ts'
import { clearWay, type Finding, findRecords, knock, removeRecord } from './records.ts'
import { type GuardedReplica, openGuarded } from './replica.ts'
import { openStarting } from './starting.ts'

/** What a host of processes is opened with. */
export interface ProcessHostOptions {
  readonly version: string
  /** What replicas inherit; the agent's own environment if nothing is said. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** The state folder: guards are under `guards/`, logs under `logs/`. */
  readonly folder: string
  readonly clock: Clock
  readonly random: Random
  readonly listener: HostListener
  /** Where replicas listen; on loopback unless the file says that other machines reach them. */
  readonly address?: string
}

/** How long the opening waits for the guards it has found; those that are late are shown so. */
const meetWithin = ms(500)

const sweepEvery = ms(1000)

/**
 * Opens the host and adopts what runs. Rejects with a Fault if the folder cannot be used; a guard
 * that does not answer, and a record that cannot be read, are told as events and hold up nothing.
 */
export async function openProcessHost(options: ProcessHostOptions): Promise<ReplicaHost> {
  const findings = findRecords(options.folder)
  const host = new ProcessHost(options)
  await host.adopt(findings)
  return host
}

class ProcessHost implements ReplicaHost {
  readonly #options: ProcessHostOptions
  readonly #surroundings: Surroundings
  readonly #range: PortRange = localPortRange()
  readonly #replicas = new Map<string, HostedReplica>()
  #sweep: Disposable
  #announced = false
  #left = false

  constructor(options: ProcessHostOptions) {
    this.#options = options
    const { version, environment = process.env } = options
    this.#surroundings = { version, environment: definedOf(environment) }
    this.#sweep = this.#sweepLater()
  }

  async adopt(findings: readonly Finding[]): Promise<void> {
    const { clock, folder } = this.#options
    const met = findings.map(async (finding) => {
      const record = await this.#claim(finding, folder)
      if (record === undefined) return
      const replica = this.#guard(record.status.id, record)
      await replica.met
      const seen = { revision: record.status.revision, version: record.version }
      const why = 'an earlier agent has left it running'
      if (!this.#left) this.#event(record.status.id)('replica-adopted', why, seen)
    })
    await Promise.race([Promise.all(met), sleep(clock, meetWithin)])
  }

  observe(): readonly ReplicaProcess[] {
    return [...this.#replicas.values()].map((replica) => replica.process())
  }

  start(order: StartOrder): void {
    const { id } = order
    if (this.#replicas.has(id)) throw new Fault('already-running', `${id} is there already`)
    const { folder } = this.#options
    const ports = this.#ports(id)
    const starting = openStarting(order, {
      ...ports,
      surroundings: this.#surroundings,
      address: this.#options.address ?? '127.0.0.1',
      drawPort: () => this.#drawPort(),
      clearWay: () =>
        clearWay(folder, id, (from, to) =>
          ports.event('record-set-aside', `${from} could not be read, it is now ${to}`, {}),
        ),
      guarded: (record) => void this.#guard(id, record),
    })
    this.#replicas.set(id, starting)
    this.#changed()
  }

  stop(id: string, within: Milliseconds): void {
    this.#replicas.get(id)?.stop(within)
  }

  leave(): void {
    this.#left = true
    this.#sweep[Symbol.dispose]()
    for (const replica of this.#replicas.values()) replica.leave()
  }

  async #claim(finding: Finding, folder: string): Promise<GuardRecord | undefined> {
    const { id } = finding
    if (finding.kind === 'record') return finding.record
    if (finding.kind === 'stale') {
      removeRecord(folder, id)
      return undefined
    }
    const { message, remedy } = finding.fault
    const why = remedy === undefined ? message : `${message}: ${remedy}`
    this.#event(id)('record-unreadable', why, {})
    return knock(folder, id, meetWithin, this.#options.clock)
  }

  #guard(id: string, record: GuardRecord): GuardedReplica {
    const replica = openGuarded(record, this.#ports(id))
    this.#replicas.set(id, replica)
    this.#changed()
    return replica
  }

  #ports(id: string): ReplicaPorts {
    return {
      state: this.#options.folder,
      clock: this.#options.clock,
      random: this.#options.random,
      changed: () => this.#changed(),
      event: this.#event(id),
      gone: () => {
        this.#replicas.delete(id)
        this.#changed()
      },
    }
  }

  #event(id: string): ReplicaPorts['event'] {
    return (rule, why, seen) => {
      if (!this.#left) this.#options.listener.event(rule, id, why, seen)
    }
  }

  /** A replica that is being started has no record yet, but its port is known here. */
  #drawPort(): number {
    const taken = new Set(this.observe().map(({ port }) => port))
    return drawPort(this.#options.random, this.#range, taken)
  }

  /** Any number of changes at one moment are told once. */
  #changed(): void {
    if (this.#announced || this.#left) return
    this.#announced = true
    queueMicrotask(() => {
      this.#announced = false
      if (!this.#left) this.#options.listener.changed()
    })
  }

  #sweepLater(): Disposable {
    return this.#options.clock.after(sweepEvery, () => {
      for (const replica of [...this.#replicas.values()]) replica.sweep()
      if (!this.#left) this.#sweep = this.#sweepLater()
    })
  }
}

const definedOf = (
  environment: Readonly<Record<string, string | undefined>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries(environment).flatMap(([k, v]) => (v === undefined ? [] : [[k, v]])),
  )
