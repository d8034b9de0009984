// The port to MariaDB: one member's server, brought to what its keeper orders.

import { dirname } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { describeError, Fault } from '../../../foundation/fault.ts'
import type { Milliseconds } from '../../../foundation/time.ts'
import type {
  FollowOrder,
  MemberEngine,
  MemberOptions,
  OpenMember,
  Refreshed,
  ServerSight,
} from '../../engine.ts'
import type { AckSet } from '../../model.ts'
import { putRestored } from '../../restored-data.ts'
import { runningProgram } from '../running-program.ts'
import { assertOurs, stateOf } from './data-folder.ts'
import { admitted, assertPossible, receiverName } from './gate.ts'
import { membersMost } from './gtid.ts'
import { install, putInPlace } from './install.ts'
import { acknowledge, placeOf } from './late-acks.ts'
import { Logs } from './logs.ts'
import { Lookout } from './look.ts'
import { dropPending } from './pending.ts'
import { findPrograms, ownerOf, type Programs } from './programs.ts'
import { becomePrimary, enforce, ownDatabase } from './promote.ts'
import { drain } from './quiesce.ts'
import { Receivers } from './receivers.ts'
import { refresh } from './refresh.ts'
import { rejoin } from './rejoin.ts'
import { changeRole, isLockedOut, stopReceiving } from './replication.ts'
import { MariadbServer } from './server.ts'
import type { Session } from './session.ts'
import { startAsReplica } from './start.ts'
import { readStatus, type ServerStatus } from './status.ts'

/** How often a replica looks whether the primary lets it in as something else. */
const dutyPause = 250
/** What one such look may take. */
const dutyWithin = 60_000
/** A commit that waits for so long may have been acknowledged by somebody who was not heard. */
const lateAckPatience = 300
/** What a member is given to say what it has. */
const lateAckWithin = 2000
/** Rows of the write probe are kept for so long. */
const probesKept = '1 MINUTE'

class MariadbMember implements MemberEngine {
  readonly can = { rewind: true, ackMost: 1, forgets: true }
  readonly #server: MariadbServer
  readonly #logs: Logs
  readonly #receivers: Receivers
  readonly #lookout: Lookout
  readonly #closing = new AbortController()
  readonly #duty: Promise<void>
  #turn: Promise<unknown> = Promise.resolve()
  /** Ends what the engine does by itself at the moment. */
  #help = new AbortController()
  /** A write whose acknowledgement is still waited for: there is never a second one. */
  #probe: Promise<void> | undefined

  constructor(server: MariadbServer) {
    const { accounts, peers, data } = server.options
    this.#server = server
    this.#logs = new Logs(data)
    this.#receivers = new Receivers(accounts.admin, peers)
    this.#lookout = new Lookout(server, this.#logs, this.#receivers)
    this.#duty = this.#onDuty()
  }

  look(signal: AbortSignal): Promise<ServerSight> {
    return this.#lookout.look(signal)
  }

  async tryWrite(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted()
    this.#probe ??= this.#write().finally(() => {
      this.#probe = undefined
    })
    const { promise, reject } = Promise.withResolvers<never>()
    const abort = (): void => reject(signal.reason)
    signal.addEventListener('abort', abort, { once: true })
    try {
      await Promise.race([this.#probe, promise])
    } finally {
      signal.removeEventListener('abort', abort)
    }
  }

  async #write(): Promise<void> {
    using session = await this.#server.connect(this.#closing.signal)
    const { readOnly } = await readStatus(session, this.#closing.signal)
    if (readOnly) {
      throw new Fault('refused', `${this.#server.options.member} takes no writes`, {
        remedy: 'write to the primary',
      })
    }
    const table = `${ownDatabase}.probe`
    await session.query(`INSERT INTO ${table} (at) VALUES (NOW())`, this.#closing.signal)
    await session.query(
      `DELETE FROM ${table} WHERE at < NOW() - INTERVAL ${probesKept}`,
      this.#closing.signal,
    )
  }

  initialise(signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      const state = this.#folder()
      if (state.kind === 'ours') return
      if (state.kind === 'foreign') assertOurs(this.#server.options.data, state)
      await install(this.#server, signal)
      putInPlace(this.#server.options.data)
    })
  }

  freeze(signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      await this.#toReplica(signal)
      await stopReceiving(await this.#server.session(signal), signal)
    })
  }

  /** It runs, not as a primary: it may still receive. */
  async #toReplica(signal: AbortSignal): Promise<void> {
    assertOurs(this.#server.options.data, this.#folder())
    if (this.#server.isRunning) {
      const status = await this.#statusIfAlive(signal)
      const isOther = status?.folder !== this.#server.options.data
      if (status === undefined || isOther || status.epoch > 0 || !status.readOnly) {
        await this.#server.kill()
      }
    }
    await startAsReplica(this.#server, this.#logs, signal)
  }

  /** `undefined` of one that hangs. */
  async #statusIfAlive(signal: AbortSignal): Promise<ServerStatus | undefined> {
    if (!(await this.#server.isAnswering(signal))) return undefined
    return await readStatus(await this.#server.session(signal), signal)
  }

  promote(
    order: { readonly epoch: number; readonly acks: AckSet },
    signal: AbortSignal,
  ): Promise<void> {
    return this.#alone(async () => {
      assertPossible(order.acks, this.can.ackMost)
      assertOurs(this.#server.options.data, this.#folder())
      const status = this.#server.isRunning ? await this.#statusIfAlive(signal) : undefined
      if (status?.epoch !== order.epoch) await this.#toReplica(signal)
      await becomePrimary(this.#server, this.#logs, order, signal)
    })
  }

  follow(order: FollowOrder, signal: AbortSignal): Promise<void> {
    return this.#alone(() => rejoin(this.#server, this.#logs, order, signal))
  }

  setAcks(acks: AckSet, signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      assertPossible(acks, this.can.ackMost)
      const session = await this.#server.session(signal)
      const { epoch } = await readStatus(session, signal)
      if (epoch === 0) {
        throw new Fault('refused', `${this.#server.options.member} is no primary`, {
          remedy: 'promote it first',
        })
      }
      await enforce(this.#server, session, acks, signal)
    })
  }

  refresh(signal: AbortSignal): Promise<Refreshed> {
    return this.#alone(() => refresh(this.#server, signal))
  }

  quiesce(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      const done = new AbortController()
      // What is under way may wait for an acknowledgement that was lost, and everybody for that.
      const helping = this.#helpMeanwhile(AbortSignal.any([signal, done.signal]))
      try {
        await drain(this.#server, this.#receivers, within, signal)
      } finally {
        done.abort(new Error('the server has stopped'))
        await helping
      }
    })
  }

  takeRestored(id: string): Promise<void> {
    return this.#alone(async () => {
      await this.#server.kill()
      putRestored(this.#server.options, id)
      dropPending(this.#server)
    })
  }

  stop(within: Milliseconds, signal: AbortSignal): Promise<void> {
    return this.#alone(async () => {
      signal.throwIfAborted()
      // Ended in order, a primary would finish what nobody has acknowledged.
      if (await this.#hasWaiting(signal)) await this.#server.kill()
      else await this.#server.end(within)
    })
  }

  async #hasWaiting(signal: AbortSignal): Promise<boolean> {
    if (!this.#server.isRunning) return false
    const status = await this.#statusIfAlive(signal)
    return status === undefined || status.semiSync
  }

  #folder(): ReturnType<typeof stateOf> {
    const { data, database } = this.#server.options
    return stateOf(data, database, this.#server.programs.version)
  }

  /** One thing at a time changes the server; an order does not wait for what nobody ordered. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    this.#help.abort(new Error('something was ordered'))
    return this.#next(work)
  }

  #next<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work)
    this.#turn = turn.catch(() => {})
    return turn
  }

  /** What a server needs and cannot do itself, while nobody orders anything. */
  async #onDuty(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      try {
        await pause(dutyPause, undefined, { signal, ref: false })
        if (!this.#server.isRunning) continue
        this.#help = new AbortController()
        const { signal: ordered } = this.#help
        await this.#next(() => this.#giveHelp(ordered))
      } catch (thrown) {
        if (signal.aborted) return
        // It is tried again, and `look` says what keeps it: an account, or a server that is silent.
        this.#trouble(thrown)
      }
    }
  }

  /** Gives late acknowledgements beside something that was ordered, until that ends. */
  async #helpMeanwhile(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await pause(dutyPause, undefined, { signal, ref: false })
        using session = await this.#server.connect(signal)
        await this.#giveLateAcks(session, await readStatus(session, signal), signal)
      } catch (thrown) {
        // The server ends meanwhile: that is what was ordered.
        if (!signal.aborted) this.#trouble(thrown)
      }
    }
  }

  async #giveHelp(ordered: AbortSignal): Promise<void> {
    const within = AbortSignal.timeout(dutyWithin)
    const signal = AbortSignal.any([this.#closing.signal, ordered, within])
    const session = await this.#server.session(signal)
    const status = await readStatus(session, signal)
    if (status.folder !== this.#server.options.data) return
    if (status.epoch > 0) await this.#giveLateAcks(session, status, signal)
    else await this.#changeRole(session, status, signal)
  }

  /** Commits that wait although a member of the set has them. */
  async #giveLateAcks(
    session: Session,
    { semiSync, epoch }: ServerStatus,
    signal: AbortSignal,
  ): Promise<void> {
    const { accounts, peers, member } = this.#server.options
    if (!semiSync || !(await this.#isWaiting(session, signal))) return
    for (const each of await admitted(session, accounts, peers, signal)) {
      if (each === member) continue
      const soon = AbortSignal.any([signal, AbortSignal.timeout(lateAckWithin)])
      const position = await this.#receivers.position(each, soon).catch(() => undefined)
      const isOurs = position !== undefined && position.line === epoch
      const place = isOurs ? placeOf(this.#logs, position) : undefined
      if (place === undefined) continue
      const user = receiverName(accounts, each, 'acknowledging')
      const account = { user, password: accounts.replication.password }
      await acknowledge({ socket: this.#server.socket }, account, place, soon)
    }
  }

  async #isWaiting(session: Session, signal: AbortSignal): Promise<boolean> {
    const rows = await session.query(
      'SELECT STATE AS state, TIME_MS AS time FROM information_schema.PROCESSLIST',
      signal,
    )
    return rows.some(
      ({ state, time }) =>
        String(state).startsWith('Waiting for semi-sync') && Number(time) >= lateAckPatience,
    )
  }

  /** A replica whose account was locked comes in by its other one. */
  async #changeRole(session: Session, status: ServerStatus, signal: AbortSignal): Promise<void> {
    const { receiving } = status
    if (!isLockedOut(status)) return
    const primary = this.#server.options.peers.find(
      ({ host, port }) => host === receiving?.host && port === receiving.port,
    )
    if (primary === undefined) return
    await changeRole(session, this.#logs, primary, this.#server.options, signal)
  }

  #lastTrouble = ''

  #trouble(thrown: unknown): void {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    if (why === this.#lastTrouble || !(thrown instanceof Fault)) return
    this.#lastTrouble = why
    this.#server.options.event('change-of-account', why)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(new Fault('failed', 'the engine was closed'))
    await this.#duty
    await this.#turn
    this.#receivers[Symbol.dispose]()
    this.#server[Symbol.dispose]()
  }
}

/** Those that it should have; a server that runs is looked after with those that it runs, too. */
async function programsFor({ home, host, event }: MemberOptions): Promise<Programs> {
  try {
    return await findPrograms(home)
  } catch (thrown) {
    const program = runningProgram(host)
    if (program === undefined) throw thrown
    event('programs-refused', describeError(thrown))
    return await findPrograms(dirname(program)).catch(() => findPrograms(undefined))
  }
}

/** Opens the engine of one member. Rejects with a Fault where MariaDB is not installed. */
export const openMariadb: OpenMember = async (options: MemberOptions): Promise<MemberEngine> => {
  if (options.peers.length > membersMost) {
    throw new Fault('unsupported', `a database of MariaDB has ${membersMost} members at most`)
  }
  const programs = await programsFor(options)
  return new MariadbMember(new MariadbServer(options, programs, ownerOf(options.user)))
}
