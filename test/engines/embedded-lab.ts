// The embedded server's inside on a simulated disk and a clock that stands still: writes are
// staged, made safe and lost when a test says so, and what the state should be is known for every
// transaction.

import { Cursor, Sink } from '../../src/coordination/embedded/bytes.ts'
import {
  openSimulatedDisk,
  type SimulatedDisk,
} from '../../src/coordination/embedded/disk-simulated.ts'
import { GroupCommit } from '../../src/coordination/embedded/group-commit.ts'
import { Keeper } from '../../src/coordination/embedded/keeper.ts'
import { defaultLimits, type ServerLimits } from '../../src/coordination/embedded/options.ts'
import { type Recovered, recover } from '../../src/coordination/embedded/recovery.ts'
import { readMulti } from '../../src/coordination/embedded/requests.ts'
import type { Session } from '../../src/coordination/embedded/sessions.ts'
import { Stager } from '../../src/coordination/embedded/stage.ts'
import { State } from '../../src/coordination/embedded/transactions.ts'
import { Wal } from '../../src/coordination/embedded/wal.ts'
import type { Fault } from '../../src/foundation/fault.ts'
import { below, pick, type Random } from '../../src/foundation/random.ts'
import type { Clock, Instant } from '../../src/foundation/time.ts'
import { Writer } from '../../src/wire/jute/archive.ts'
import { type OperationName, operations, type RequestOf } from '../../src/wire/jute/messages.ts'
import { openCreateAcl } from './raw-records.ts'

/** The body of a request. */
export function bodyOf<N extends OperationName>(name: N, request: RequestOf<N>): Buffer {
  const writer = new Writer()
  ;(operations[name].request.write as (to: Writer, value: unknown) => void)(writer, request)
  return writer.take()
}

/** Everything that a state holds, as text. */
export function describeState(state: State): string {
  const nodes = [...state.tree.index]
    .filter((node) => node.body !== null)
    .map((node) => {
      const owner = JSON.stringify(node.owner)
      const names = [...(node.children ?? [])].map((child) => child.path.toString()).toSorted()
      const acl = node.acl.bytes.toString('hex')
      return `${node.path} ${node.body?.toString('hex')} ${node.creates} ${owner} ${acl} ${names}`
    })
  const sessions = [...state.sessions].map(
    ({ id, timeoutMs, password }) => `${id} ${timeoutMs} ${password.toString('hex')}`,
  )
  const { zxid, count, cost, dataBytes, containers, mortals, ephemerals } = state.tree
  const owned = [...ephemerals].map(([id, set]) => `${id}:${set.size}`).toSorted()
  const sums = [zxid, count, cost, dataBytes, containers.size, mortals.size, owned].join(' ')
  return [...nodes.toSorted(), ...sessions.toSorted(), sums].join('\n')
}

/** A clock whose timers fire when a test says so. */
export function stillClock(): Clock & { fire(): void } {
  let timers: (() => void)[] = []
  return {
    now: () => 1_000_000 as Instant,
    after(_wait, wake) {
      timers.push(wake)
      return {
        [Symbol.dispose]: () => {
          timers = timers.filter((timer) => timer !== wake)
        },
      }
    },
    fire() {
      const due = timers
      timers = []
      for (const wake of due) wake()
    },
  }
}

/** One life of a server, from its start until the power goes. */
export class Life {
  readonly disk: SimulatedDisk
  readonly recovered: Recovered
  readonly state: State
  readonly stager: Stager
  readonly keeper: Keeper
  readonly clock = stillClock()
  /** The last transaction that was acknowledged. */
  acknowledged: number
  failure: Fault | undefined
  stalls = 0
  readonly #commits: GroupCommit<never>
  readonly #wal: Wal
  readonly #lab: Lab
  readonly #deferred: (() => void)[] = []
  #at = 0

  constructor(lab: Lab) {
    this.#lab = lab
    this.disk = lab.disk
    const { limits } = lab
    this.recovered = recover(lab.disk, limits, this.clock.now())
    this.state = this.recovered.state
    this.acknowledged = this.state.tree.zxid
    this.#wal = new Wal({
      disk: lab.disk,
      clock: this.clock,
      salt: lab.salt,
      fileBytesMost: limits.logBytesMost,
      stalled: (fault) => {
        if (fault !== null) this.stalls += 1
      },
    })
    const wasInstant = lab.disk.isInstant
    lab.disk.isInstant = true
    this.#wal.begin(this.state.tree.zxid + 1, (error) => {
      if (error !== null) this.failure = error
    })
    lab.disk.isInstant = wasInstant
    this.stager = new Stager(this.state, limits, new Sink())
    this.#commits = new GroupCommit<never>({
      state: this.state,
      stager: this.stager,
      wal: this.#wal,
      defer: (run) => this.#deferred.push(run),
      now: () => this.clock.now(),
      carrying: () => undefined,
      carry: () => {
        this.acknowledged = this.state.tree.zxid
      },
      carried: () => this.keeper.look(this.#wal.written),
      failed: (fault) => {
        this.failure = fault
      },
    })
    this.keeper = new Keeper({
      disk: lab.disk,
      state: this.state,
      limits,
      behindBytes: this.recovered.replayedBytes,
      salt: lab.salt,
      defer: (run) => this.#deferred.push(run),
      failed: (fault) => {
        this.failure = fault
      },
    })
  }

  /** Does one thing that was put off; false if there was none. */
  turn(): boolean {
    const run = this.#deferred.shift()
    run?.()
    return run !== undefined
  }

  /** Lets everything happen that waits for nothing but its turn and the disk. */
  settle(): void {
    for (let turns = 0; ; turns += 1) {
      if (turns > 100_000) throw new Error('something waits that nobody does')
      this.disk.finishSyncs()
      if (!this.turn() && this.stager.pendingCost === 0) return
    }
  }

  #staged(): void {
    const { bytes, length } = this.stager.log
    // A batch that was handed over leaves an empty one behind.
    if (this.#at >= length) this.#at = 0
    this.#lab.noted(this.stager, bytes, length)
    this.#commits.staged(null, 0, 0)
  }

  /** Stages a request; 0 or the error, as for a client. */
  ask<N extends OperationName>(session: Session, name: N, request: RequestOf<N>): number {
    const asker = { session, who: [] }
    const from = new Cursor().over(bodyOf(name, request))
    let error: number
    if (name === 'multi') {
      const parts = readMulti(from)
      const outcome = parts === undefined ? -5 : this.stager.multi(parts, from, asker, 5000)
      error = typeof outcome === 'number' ? outcome : -1
    } else error = this.stager.write(operations[name].type, from, asker, 5000)
    if (error === 0) this.#staged()
    return error
  }

  openSession(): void {
    const id = this.state.sessions.nextId()
    this.stager.openSession({ id, timeoutMs: 9000, password: Buffer.alloc(16, id % 251) }, 5000)
    this.#staged()
  }

  closeSession(session: Session): void {
    this.stager.closeSession(session, 5000)
    this.#staged()
  }

  /** Does something at random that a client may do. */
  act(random: Random): void {
    const sessions = [...this.state.sessions].filter((session) => !session.closing)
    const session = pick(random, sessions)
    if (session === undefined || below(random, 20) === 0) {
      this.openSession()
      return
    }
    const path = `/${pick(random, ['a', 'b', 'c'])}${below(random, 3) === 0 ? '/x' : ''}`
    const data = Buffer.alloc(below(random, 60), 65 + below(random, 26))
    const made = { path, data, acl: openCreateAcl, flags: below(random, 4) }
    switch (below(random, 9)) {
      case 0:
        this.ask(session, 'delete', { path, version: -1 })
        break
      case 1:
        this.ask(session, 'createContainer', { ...made, flags: 4 })
        break
      case 2:
        this.ask(session, 'createTTL', { ...made, flags: 5, ttl: 60_000 })
        break
      case 3:
        this.ask(session, 'setACL', {
          path,
          version: -1,
          acl: [
            { perms: below(random, 32), id: { scheme: 'digest', id: 'a:b' } },
            ...openCreateAcl,
          ],
        })
        break
      case 4:
        this.ask(session, 'multi', [
          { kind: 'create', ...made },
          { kind: 'setData', path, data, version: -1 },
        ])
        break
      case 5:
        if (below(random, 4) === 0) this.closeSession(session)
        break
      case 6:
        this.ask(session, 'setData', { path, data, version: -1 })
        break
      default:
        this.ask(session, 'create', made)
    }
  }
}

/** A disk over many lives, and what every transaction on it should have led to. */
export class Lab {
  readonly disk: SimulatedDisk = openSimulatedDisk()
  readonly limits: ServerLimits
  /** What the state is after each transaction. */
  readonly should = new Map<number, string>()
  #reference: State
  #salt = 1

  constructor(limits: Partial<ServerLimits> = {}) {
    this.limits = { ...defaultLimits, ...limits }
    this.#reference = new State(this.limits, 1_000_000)
    this.should.set(0, describeState(this.#reference))
  }

  readonly salt = (): number => {
    this.#salt += 1
    return this.#salt
  }

  /** Starts a server on what the disk holds. Transactions that are lost are forgotten. */
  start(): Life {
    const life = new Life(this)
    // The reference goes on from the recovered state: what came after it never was.
    this.#reference = recover(this.disk, this.limits, 1_000_000).state
    return life
  }

  /** A transaction was written to the end of a batch. */
  noted(stager: Stager, bytes: Buffer, length: number): void {
    let at = 24
    let first = stager.zxid
    const starts: number[] = []
    for (; at < length; at += 4 + bytes.readInt32BE(at)) starts.push(at)
    first = stager.zxid - starts.length + 1
    for (const [index, start] of starts.entries()) {
      const zxid = first + index
      if (zxid !== this.#reference.tree.zxid + 1) continue
      const end = start + 4 + bytes.readInt32BE(start)
      this.#reference.apply(bytes, start + 4, end, 1_000_000, new Sink())
      this.should.set(zxid, describeState(this.#reference))
    }
  }
}
