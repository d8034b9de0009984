// The port to MariaDB: one member's server, brought to what its keeper orders.

import { dirname } from 'node:path'
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
import { assertOurs, stateOf } from '../mysql-kin/data-folder.ts'
import { putInPlace } from '../mysql-kin/drafts.ts'
import { admitted, receiverName } from '../mysql-kin/gate.ts'
import { WriteProbe } from '../mysql-kin/probe.ts'
import { ownerOf } from '../mysql-kin/processes.ts'
import { drain } from '../mysql-kin/quiesce.ts'
import { Receivers } from '../mysql-kin/receivers.ts'
import { reached, type Session } from '../mysql-kin/session.ts'
import { Turns } from '../mysql-kin/turns.ts'
import { runningProgram } from '../running-program.ts'
import { membersMost } from './gtid.ts'
import { install } from './install.ts'
import { assertPossible, mariadb } from './kin.ts'
import { acknowledge, placeOf } from './late-acks.ts'
import { Logs } from './logs.ts'
import { Lookout } from './look.ts'
import { dropPending } from './pending.ts'
import { findPrograms, type Programs } from './programs.ts'
import { becomePrimary, enforce } from './promote.ts'
import { refresh } from './refresh.ts'
import { rejoin } from './rejoin.ts'
import { changeRole, isLockedOut, stopReceiving } from './replication.ts'
import { MariadbServer } from './server.ts'
import { startAsReplica } from './start.ts'
import { readStatus, type ServerStatus } from './status.ts'

/** A commit that waits for so long may have been acknowledged by somebody who was not heard. */
const lateAckPatience = 300
/** What a member is given to say what it has. */
const lateAckWithin = 2000
class MariadbMember implements MemberEngine {
  readonly can = { rewind: true, ackMost: 1, forgets: true }
  readonly #server: MariadbServer
  readonly #logs: Logs
  readonly #receivers: Receivers
  readonly #lookout: Lookout
  readonly #turns: Turns
  readonly #probe: WriteProbe

  constructor(server: MariadbServer) {
    this.#server = server
    this.#logs = new Logs(server.options.data)
    this.#receivers = new Receivers(mariadb, server.options)
    this.#lookout = new Lookout(server, this.#logs, this.#receivers)
    this.#turns = new Turns(
      () => server.isRunning,
      (signal) => this.#giveHelp(signal),
      (why) => server.options.event('change-of-account', why),
    )
    this.#probe = new WriteProbe(() => this.#openPrimary(), this.#turns.closing)
  }

  look(signal: AbortSignal): Promise<ServerSight> {
    return this.#lookout.look(signal)
  }

  tryWrite(signal: AbortSignal): Promise<void> {
    return this.#probe.write(signal)
  }

  async #openPrimary(): Promise<Session> {
    const { closing } = this.#turns
    const session = await this.#server.connect(closing)
    const { readOnly } = await readStatus(session, closing)
    if (!readOnly) return session
    session[Symbol.dispose]()
    throw new Fault('refused', `${this.#server.options.member} takes no writes`, {
      remedy: 'write to the primary',
    })
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
      // What is under way may wait for an acknowledgement that was lost, and everybody for that.
      await using _helping = this.#turns.meanwhile((until) => this.#helpWaiting(until))
      await drain(mariadb, this.#server, this.#receivers, within, signal)
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
    return stateOf(data, database, this.#server.product)
  }

  #alone<T>(work: () => Promise<T>): Promise<T> {
    return this.#turns.order(work)
  }

  /** Gives late acknowledgements beside something that was ordered. */
  async #helpWaiting(signal: AbortSignal): Promise<void> {
    using session = await this.#server.connect(signal)
    await this.#giveLateAcks(session, await readStatus(session, signal), signal)
  }

  /** What a server needs and cannot do itself, while nobody orders anything. */
  async #giveHelp(signal: AbortSignal): Promise<void> {
    const session = await this.#server.session(signal, 'help')
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
    const { accounts, peers, member, address, tls } = this.#server.options
    if (!semiSync || !(await this.#isWaiting(session, signal))) return
    for (const each of await admitted(mariadb, session, accounts, peers, signal)) {
      if (each === member) continue
      const soon = AbortSignal.any([signal, AbortSignal.timeout(lateAckWithin)])
      const position = await this.#receivers.position(each, soon).catch(() => undefined)
      const isOurs = position !== undefined && position.line === epoch
      const place = isOurs ? placeOf(this.#logs, position) : undefined
      if (place === undefined) continue
      const user = receiverName(accounts, each, 'acknowledging')
      const account = { user, password: accounts.replication.password }
      // As a replica would: through the socket nobody shows a certificate.
      await acknowledge(reached(address, tls), account, place, soon)
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

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turns[Symbol.asyncDispose]()
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
