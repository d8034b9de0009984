// A replica whose guard is being started: a port is found, the guard is spawned, and if it cannot
// be, it is tried again as patiently as a replica that crashes.

import { bootId, type ProcessIdentity, signalProcess } from '../../../control/processes.ts'
import { describeError } from '../../../foundation/fault.ts'
import { type Instant, later, type Milliseconds, ms } from '../../../foundation/time.ts'
import { markOf } from '../../guard/launch.ts'
import { type GuardOrder, type GuardRecord, recordFormat } from '../../guard/protocol.ts'
import type { StartOrder } from '../../host.ts'
import type { ProcessState, ReplicaProcess } from '../../model.ts'
import { afterExit } from '../../restart.ts'
import { endFamily } from './end-family.ts'
import type { HostedReplica, ReplicaPorts, Surroundings } from './model.ts'
import { isFree } from './ports.ts'
import { removeRecord } from './records.ts'
import { spawnGuard } from './spawn-guard.ts'

/** What a start needs beside what every replica is given. */
export interface StartingPorts extends ReplicaPorts {
  readonly surroundings: Surroundings
  /** Where the replica listens. */
  readonly address: string
  /** A port that no replica of this host has. */
  drawPort(): number
  /** Makes way for a new record, or finds that another guard has this replica. */
  clearWay(id: string): GuardRecord | undefined
  /** Its guard is at work: from now on it is somebody else's. Called once. */
  guarded(record: GuardRecord): void
}

/** A port may have been taken since it was drawn: so many are tried. */
const portTries = 20

/** Begins to start a replica. */
export const openStarting = (order: StartOrder, ports: StartingPorts): HostedReplica =>
  new Starting(order, ports)

class Starting implements HostedReplica {
  readonly #order: StartOrder
  readonly #ports: StartingPorts
  readonly #startedAt
  #port: number
  #tries = 0
  #failures = 0
  #state: ProcessState = { kind: 'starting' }
  #guard: ProcessIdentity | undefined
  #timer: Disposable | undefined
  #over = false

  constructor(order: StartOrder, ports: StartingPorts) {
    this.#order = order
    this.#ports = ports
    this.#startedAt = ports.clock.now()
    this.#port = ports.drawPort()
    void this.#launch()
  }

  process(): ReplicaProcess {
    const { id, service, revision } = this.#order
    return {
      id,
      service,
      revision,
      host: this.#ports.address,
      port: this.#port,
      startedAt: this.#startedAt,
      failures: this.#failures,
      restarts: Math.max(0, this.#tries - 1),
      state: this.#state,
    }
  }

  sweep(): void {}

  leave(): void {
    this.#over = true
    this.#timer?.[Symbol.dispose]()
  }

  stop(within: Milliseconds): void {
    if (this.#state.kind === 'stopping') return
    const now = this.#ports.clock.now()
    this.leave()
    this.#state = { kind: 'stopping', since: now }
    this.#ports.changed()
    void this.#endGuard(later(now, within)).then(() => this.#ports.gone())
  }

  /** The guard may be at any point of its beginning: what it has started bears its mark. */
  async #endGuard(deadline: Instant): Promise<void> {
    const guard = this.#guard
    if (guard === undefined) return
    signalProcess(guard, 'SIGKILL')
    const { stopSignal } = this.#order.template
    const kin = { leader: guard, mark: markOf(guard) }
    await endFamily({ kin, stopSignal, deadline: () => deadline }, this.#ports.clock)
    removeRecord(this.#ports.state, this.#order.id)
  }

  async #launch(): Promise<void> {
    this.#tries += 1
    this.#state = { kind: 'starting' }
    this.#ports.changed()
    await this.#findPort()
    if (this.#over) return
    try {
      const other = this.#ports.clearWay(this.#order.id)
      if (other !== undefined) return this.#finish(other)
      this.#guard = this.#spawn()
    } catch (thrown) {
      this.#failed(describeError(thrown))
    }
  }

  async #findPort(): Promise<void> {
    for (let turn = 0; turn < portTries && !this.#over; turn += 1) {
      if (await isFree(this.#ports.address, this.#port)) return
      this.#port = this.#ports.drawPort()
      this.#ports.changed()
    }
  }

  #spawn(): ProcessIdentity | undefined {
    const { version, environment } = this.#ports.surroundings
    const { id, service, revision, template } = this.#order
    const { address: host } = this.#ports
    const place = { id, service, revision, host, port: this.#port, startedAt: this.#startedAt }
    const order: GuardOrder = { version, ...place, template, environment }
    let ready = false
    return spawnGuard(this.#ports.state, order, this.#ports.surroundings, {
      ready: () => {
        ready = true
        if (this.#guard !== undefined) this.#finish(this.#recordOf(this.#guard))
      },
      ended: (why) => {
        if (!ready) this.#failed(why)
      },
    })
  }

  #recordOf(guard: ProcessIdentity): GuardRecord {
    const { version } = this.#ports.surroundings
    const { stopSignal } = this.#order.template
    const status = { ...this.process(), child: undefined }
    return { format: recordFormat, boot: bootId(), version, guard, stopSignal, status }
  }

  #finish(record: GuardRecord): void {
    if (this.#over) return
    this.leave()
    this.#ports.guarded(record)
  }

  #failed(why: string): void {
    if (this.#over) return
    this.#guard = undefined
    const { clock, random } = this.#ports
    const now = clock.now()
    const exit = { kind: 'unstartable', reason: `its guard failed: ${why}` } as const
    const run = { exit, startedAt: now, endedAt: now, failures: this.#failures }
    const next = afterExit(run, this.#order.template.restart, random.next())
    this.#failures = next.failures
    this.#state = next.state
    this.#ports.event('guard-unstartable', why, { failures: next.failures })
    this.#ports.changed()
    const wait = 'until' in next.state ? ms(next.state.until - now) : ms(0)
    this.#timer = clock.after(wait, () => void this.#launch())
  }
}
